// SPDX-License-Identifier: MIT OR Apache-2.0

// The same for the pool and the stack of foonathan/memory, as its package has them; see general.cpp.

#include <foonathan/memory/memory_pool.hpp>
#include <foonathan/memory/memory_stack.hpp>

#include <cstdio>
#include <cstring>
#include <exception>

namespace {

enum answer : int { silent, aliased, refused, defined };

template <class T>
T* hidden(T* p)
{
    __asm__ volatile("" : "+r"(p));
    return p;
}

using pool_type = foonathan::memory::memory_pool<>;
constexpr std::size_t node_bytes = 32;

pool_type& pool()
{
    static pool_type p{node_bytes, 4096};
    return p;
}
unsigned char* block() { return hidden(static_cast<unsigned char*>(pool().allocate_node())); }
void give_back(void* p) { pool().deallocate_node(hidden(p)); }

answer go_on()
{
    unsigned char* held[8];
    for (unsigned char*& p : held) p = block();
    for (int i = 0; i < 8; ++i) {
        for (int j = 0; j < i; ++j) {
            if (held[i] == held[j]) return aliased;
        }
    }
    for (unsigned char* p : held) give_back(p);
    return silent;
}

answer freed_twice()
{
    auto* const p = block();
    give_back(p);
    give_back(p);
    return go_on();
}
answer freed_twice_around_another()
{
    auto* const p = block();
    auto* const q = block();
    give_back(p);
    give_back(q);
    give_back(p);
    return go_on();
}
answer pointer_to_a_static_object_freed()
{
    alignas(64) static unsigned char elsewhere[256];
    give_back(elsewhere + 64);
    return go_on();
}
answer block_of_another_pool_freed()
{
    pool_type other{node_bytes, 4096};
    give_back(other.allocate_node());
    return go_on();
}
answer pointer_into_a_block_freed()
{
    give_back(block() + 8);
    return go_on();
}
answer eight_bytes_past_a_block()
{
    auto* const p = block();
    std::memset(hidden(p + node_bytes), 'x', 8);
    give_back(p);
    return go_on();
}
answer sixteen_bytes_before_a_block()
{
    block();
    auto* const p = block();
    std::memset(hidden(p - 16), 'x', 16);
    give_back(p);
    return go_on();
}
answer block_written_after_its_free()
{
    auto* const p = block();
    give_back(p);
    std::memset(p, 'x', node_bytes);
    return go_on();
}
answer block_read_after_its_free()
{
    auto* const p = block();
    std::memset(p, 1, node_bytes);
    give_back(p);
    return hidden(p)[16] == 1 ? silent : defined;
}
answer memory_read_after_the_rewind()
{
    foonathan::memory::memory_stack<> stack{4096};
    auto const mark = stack.top();
    auto* const p = static_cast<unsigned char*>(stack.allocate(100, 16));
    std::memset(p, 1, 100);
    stack.unwind(mark);
    return hidden(p)[50] == 1 ? silent : defined;
}
answer mark_used_out_of_order()
{
    foonathan::memory::memory_stack<> stack{4096};
    auto const older = stack.top();
    static_cast<void>(stack.allocate(100, 16));
    auto const younger = stack.top();
    stack.unwind(older);
    stack.unwind(younger);
    return silent;
}
answer more_bytes_than_there_are()
{
    foonathan::memory::memory_stack<> stack{4096};
    try {
        static_cast<void>(stack.allocate(std::size_t{1} << 46, 16));
    } catch (std::exception const&) {
        return refused;
    }
    return silent;
}

struct misuse {
    char const* row;
    char const* name;
    answer (*run)();
};
#define MISUSE(row, name) {row, #name, &name}
constexpr misuse misuses[] = {
    MISUSE("R01", freed_twice),
    MISUSE("R01", freed_twice_around_another),
    MISUSE("R03", pointer_to_a_static_object_freed),
    MISUSE("R04", block_of_another_pool_freed),
    MISUSE("R05", pointer_into_a_block_freed),
    MISUSE("R08", eight_bytes_past_a_block),
    MISUSE("R09", sixteen_bytes_before_a_block),
    MISUSE("R10", block_written_after_its_free),
    MISUSE("R11", block_read_after_its_free),
    MISUSE("R13", memory_read_after_the_rewind),
    MISUSE("R17", more_bytes_than_there_are),
    MISUSE("R26", mark_used_out_of_order),
};

}  // namespace

int main(int argc, char** argv)
{
    if (argc != 2) return 64;
    for (misuse const& m : misuses) {
        if (std::strcmp(argv[1], "--list") == 0) std::printf("%s %s\n", m.row, m.name);
        if (std::strcmp(argv[1], m.name) == 0) return m.run();
    }
    return std::strcmp(argv[1], "--list") == 0 ? 0 : 64;
}
