// SPDX-License-Identifier: MIT OR Apache-2.0

// The misuses that general allocators can meet, for the one that this process was started with. One per process:
//
//     general NAME    0: nothing seen, 1: a block was given to two, 2: refused, 3: defined
//     general --list  row and name of each

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>
#include <thread>

namespace {

enum answer : int { silent, aliased, refused, defined };

template <class T>
T* hidden(T* p)
{
    __asm__ volatile("" : "+r"(p));
    return p;
}
std::size_t volatile one = 1;

unsigned char* block(std::size_t bytes) { return hidden(static_cast<unsigned char*>(std::malloc(bytes * one))); }
void give_back(void* p) { std::free(hidden(p)); }

/// Goes on as a program would, and tells whether two requests get the same block.
answer go_on(std::size_t bytes)
{
    unsigned char* held[8];
    for (unsigned char*& p : held) p = block(bytes);
    for (int i = 0; i < 8; ++i) {
        for (int j = 0; j < i; ++j) {
            if (held[i] != nullptr && held[i] == held[j]) return aliased;
        }
    }
    for (unsigned char* p : held) give_back(p);
    return silent;
}

answer freed_twice()
{
    auto* const p = block(100);
    give_back(p);
    give_back(p);
    return go_on(100);
}
answer freed_twice_around_another()
{
    auto* const p = block(100);
    auto* const q = block(100);
    give_back(p);
    give_back(q);
    give_back(p);
    return go_on(100);
}
answer freed_twice_with_200_others_between()
{
    static unsigned char* others[200];
    for (auto*& q : others) q = block(100);
    auto* const p = block(100);
    give_back(p);
    for (auto* q : others) give_back(q);
    give_back(p);
    return go_on(100);
}
answer block_of_2_MiB_freed_twice()
{
    auto* const p = block(2 << 20);
    give_back(p);
    give_back(p);
    return go_on(2 << 20);
}
answer freed_on_another_thread_and_here()
{
    auto* const p = block(100);
    std::thread{[&] { give_back(p); }}.join();
    give_back(p);
    return go_on(100);
}
answer pointer_to_the_stack_freed()
{
    alignas(64) unsigned char on_the_stack[256] = {};
    give_back(on_the_stack + 64);
    return go_on(100);
}
alignas(64) unsigned char in_the_program[4096];
answer pointer_to_a_static_object_freed()
{
    give_back(in_the_program + 64);
    return go_on(100);
}
answer pointer_into_a_block_freed()
{
    give_back(block(100) + 16);
    return go_on(100);
}
answer misaligned_pointer_into_a_block_freed()
{
    give_back(block(100) + 1);
    return go_on(100);
}
answer object_deleted_as_larger()
{
    ::operator delete(hidden(::operator new(100 * one)), 1000 * one);
    return go_on(100);
}
answer one_byte_past_a_block_of_24()
{
    auto* const p = block(24);
    p[24] = 'x';
    give_back(p);
    return go_on(24);
}
answer sixteen_bytes_past_a_block_of_32()
{
    auto* const p = block(32);
    std::memset(hidden(p + 32), 'x', 16);
    give_back(p);
    return go_on(32);
}
answer sixteen_bytes_before_a_block()
{
    auto* const p = block(100);
    std::memset(hidden(p - 16), 'x', 16);
    give_back(p);
    return go_on(100);
}
answer block_written_after_its_free()
{
    auto* const p = block(100);
    give_back(p);
    std::memset(hidden(p), 'x', 100);
    return go_on(100);
}
answer block_read_after_its_free()
{
    auto* const p = block(100);
    std::memset(p, 1, 100);
    give_back(p);
    return hidden(p)[50] == 1 ? silent : defined;
}
answer alignment_of_24()
{
    return std::aligned_alloc(24 * one, 100) == nullptr ? refused : silent;
}
answer bytes_that_overflow()
{
    return hidden(std::calloc(SIZE_MAX / 2 * one, 4)) == nullptr ? refused : silent;
}
answer zero_bytes()
{
    auto* const p = block(0);
    auto* const q = block(0);
    bool const right = p != nullptr && q != nullptr && p != q;
    give_back(p);
    give_back(q);
    return right ? defined : silent;
}
answer more_bytes_than_a_pointer_difference()
{
    return block(std::size_t{PTRDIFF_MAX} + 1) == nullptr ? refused : silent;
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
    MISUSE("R01", freed_twice_with_200_others_between),
    MISUSE("R01", block_of_2_MiB_freed_twice),
    MISUSE("R02", freed_on_another_thread_and_here),
    MISUSE("R03", pointer_to_the_stack_freed),
    MISUSE("R03", pointer_to_a_static_object_freed),
    MISUSE("R05", pointer_into_a_block_freed),
    MISUSE("R05", misaligned_pointer_into_a_block_freed),
    MISUSE("R06", object_deleted_as_larger),
    MISUSE("R08", one_byte_past_a_block_of_24),
    MISUSE("R08", sixteen_bytes_past_a_block_of_32),
    MISUSE("R09", sixteen_bytes_before_a_block),
    MISUSE("R10", block_written_after_its_free),
    MISUSE("R11", block_read_after_its_free),
    MISUSE("R14", alignment_of_24),
    MISUSE("R15", bytes_that_overflow),
    MISUSE("R16", zero_bytes),
    MISUSE("R17", more_bytes_than_a_pointer_difference),
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
