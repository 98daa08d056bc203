// SPDX-License-Identifier: MIT OR Apache-2.0
#include "cases.hpp"

#include <framealloc/allocator.hpp>
#include <framealloc/arena/virtual_memory.hpp>
#include <framealloc/backend/faulting.hpp>
#include <framealloc/backend/memory_resource.hpp>
#include <framealloc/backend/static_buffer.hpp>
#include <framealloc/backend/system.hpp>
#include <framealloc/integration/pmr.hpp>
#include <framealloc/pool/fine_size_class.hpp>

#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <list>
#include <map>
#include <memory_resource>
#include <string>
#include <vector>

namespace framealloc::sanitizer_cases {
namespace {

struct particle {
    float x = 0, y = 0, z = 0;
};

// --- wrong --------------------------------------------------------------------------------------------------------------

template <class Alloc>
[[gnu::noinline]] void read_after_pool_free()
{
    Alloc alloc;
    auto* const p = alloc.template pool_new<particle>();
    alloc.pool_free(p, layout::of<particle>());
    read(&p->y);  //! asan: use-after-poison | valgrind: Invalid read of size 4
}

template <class Alloc>
[[gnu::noinline]] void write_after_pool_free_by_address()
{
    Alloc alloc;
    char* const p = static_cast<char*>(alloc.pool_alloc(layout{.bytes = 500}));
    alloc.pool_free(p);
    write(p + 499, 'x');  //! asan: use-after-poison | valgrind: Invalid write of size 1
}

template <class Alloc>
[[gnu::noinline]] void write_after_pool_delete()
{
    Alloc alloc;
    auto* const p = alloc.template pool_new<particle>();
    alloc.pool_delete(p);
    write(&p->z, 1.0f);  //! asan: use-after-poison | valgrind: Invalid write of size 4
}

template <class Alloc>
[[gnu::noinline]] void read_after_its_pool_box()
{
    Alloc alloc;
    particle* p = nullptr;
    {
        auto const box = alloc.template pool_box<particle>();
        p = hidden(box.get());
    }
    read(&p->x);  //! asan: use-after-poison | valgrind: Invalid read of size 4
}

template <class Alloc>
[[gnu::noinline]] void overflow_into_the_slack_of_a_pool_block()
{
    Alloc alloc;
    char* const p = static_cast<char*>(alloc.pool_alloc(layout{.bytes = 20}));
    write(p + 20, 'x');  //! asan: use-after-poison | valgrind: Invalid write of size 1
    alloc.pool_free(p);
}

template <class Alloc>
[[gnu::noinline]] void read_past_a_pool_array()
{
    Alloc alloc;
    std::span<particle> const row = alloc.template pool_array<particle>(5);
    particle* const end = row.data() + row.size();
    read(&end->x);  //! asan: use-after-poison | valgrind: Invalid read of size 4
    alloc.pool_delete(row);
}

template <class Alloc>
[[gnu::noinline]] void overflow_into_a_free_neighbour()
{
    Alloc alloc;
    char* const p = static_cast<char*>(alloc.pool_alloc(layout{.bytes = 64}));
    write(p + 64, 'x');  //! asan: use-after-poison | valgrind: Invalid write of size 1
    alloc.pool_free(p);
}

template <class Alloc>
[[gnu::noinline]] void pool_block_freed_twice()
{
    Alloc alloc;
    auto* const p = alloc.template pool_new<particle>();
    alloc.pool_delete(p);
    alloc.pool_delete(p);  //! asan: use-after-poison | valgrind: Invalid free() | asan(tags): FA210 | valgrind(tags): FA210
}

template <class Alloc>
[[gnu::noinline]] void pool_block_freed_twice_by_address()
{
    Alloc alloc;
    void* const p = alloc.pool_alloc(layout{.bytes = 100});
    alloc.pool_free(p);
    void* const q = alloc.pool_alloc(layout{.bytes = 1000});
    alloc.pool_free(q);
    alloc.pool_free(p);  //! asan: use-after-poison | valgrind: Invalid free() | asan(tags): FA210 | valgrind(tags): FA210
}

template <class Alloc>
[[gnu::noinline]] void pool_block_freed_to_another_instance()
{
    Alloc alloc;
    Alloc other;
    auto* const p = alloc.template pool_new<particle>();
    auto* const q = other.template pool_new<particle>();
    other.pool_delete(q);
    other.pool_delete(p);  //! asan: silent | valgrind: Invalid free()
}

template <class Alloc>
[[gnu::noinline]] void pool_block_after_its_slab_was_trimmed()
{
    Alloc alloc;
    std::vector<char*> blocks;
    for (int i = 0; i < 200; ++i) blocks.push_back(static_cast<char*>(alloc.pool_alloc(layout{.bytes = 1000})));
    for (std::size_t i = 1; i < blocks.size(); ++i) alloc.pool_free(blocks[i]);
    alloc.trim();
    read(blocks[30]);  //! asan: use-after-poison | valgrind: Invalid read of size 1
    alloc.pool_free(blocks[0]);
}

template <class Alloc>
[[gnu::noinline]] void list_node_after_it_was_erased()
{
    Alloc alloc;
    std::list<int, pool_allocator<int, Alloc>> row{pool_allocator<int, Alloc>{alloc}};
    row.push_back(1);
    row.push_back(2);
    int const& first = row.front();
    row.pop_front();
    read(&first);  //! asan: use-after-poison | valgrind: Invalid read of size 4
}

template <class Alloc>
[[gnu::noinline]] void pool_memory_that_nobody_has_written()
{
    Alloc alloc;
    int* const p = static_cast<int*>(alloc.pool_alloc(layout::of<int>()));
    write(p, 1);
    alloc.pool_free(p);
    int* const q = static_cast<int*>(alloc.pool_alloc(layout::of<int>()));
    if (read(q) == 1) alloc.trim();  //! asan: silent | valgrind: uninitialised value
    alloc.pool_free(q);
}

// --- right --------------------------------------------------------------------------------------------------------------

template <class Alloc>
void use_pools(Alloc& alloc)
{
    std::vector<std::pair<char*, std::size_t>> held;
    for (std::size_t i = 0; i < 2500; ++i) {
        std::size_t const bytes = i * 7919 % 5000;
        auto* const p = static_cast<char*>(alloc.pool_alloc(layout{.bytes = bytes, .align = std::size_t{1} << i % 9}));
        std::memset(p, static_cast<int>(i), bytes);
        held.emplace_back(p, i);
        if (i % 3 == 0) {
            auto& victim = held[i * 31 % held.size()];
            bool const has_content = victim.first != nullptr && victim.second * 7919 % 5000 > 0;
            if (has_content && *victim.first != static_cast<char>(victim.second)) std::abort();
            alloc.pool_free(victim.first);
            victim.first = nullptr;
        }
        if (i % 500 == 499) alloc.trim();
    }
    for (auto const& [p, i] : held) alloc.pool_free(p);
}

template <class Alloc>
[[gnu::noinline]] void blocks_of_all_sizes()
{
    Alloc alloc;
    use_pools(alloc);
    basic_smart_alloc<pool::fine_size_class<>, typename Alloc::assembly_type::sync> fine;
    use_pools(fine);
}

template <class Alloc>
[[gnu::noinline]] void blocks_left_to_the_instance()
{
    Alloc alloc;
    for (std::size_t bytes = 0; bytes < 10'000; bytes += 37) {
        std::memset(alloc.pool_alloc(layout{.bytes = bytes}), 1, bytes);
    }
}

template <class Alloc>
[[gnu::noinline]] void all_of_a_blocks_room()
{
    Alloc alloc;
    for (std::size_t bytes = 0; bytes < 6000; bytes = bytes * 3 / 2 + 1) {
        auto* const p = static_cast<char*>(alloc.pool_alloc(layout{.bytes = bytes}));
        std::memset(p, 1, bytes);
        std::size_t const room = alloc.usable_size(p);
        if (room < bytes) std::abort();
        std::memset(p + bytes, 1, room - bytes);
        for (std::size_t i = 0; i < room; ++i) {
            if (read(p + i) != 1) std::abort();
        }
        alloc.pool_free(p);
    }
}

template <class Alloc>
[[gnu::noinline]] void containers_in_pools()
{
    Alloc alloc;
    pool_resource resource{alloc};
    std::map<int, std::string, std::less<>, pool_allocator<std::pair<int const, std::string>, Alloc>> names{
        pool_allocator<std::pair<int const, std::string>, Alloc>{alloc}};
    std::pmr::vector<std::pmr::string> texts{&resource};
    for (int i = 0; i < 1000; ++i) {
        names[i * 31 % 100] += "some text, and then some more";
        texts.emplace_back(static_cast<std::size_t>(i), 'x');
        if (i % 7 == 0) names.erase(i % 100);
    }
    std::vector<std::string> kept;
    for (auto const& [key, text] : names) kept.push_back(text);
}

template <class Alloc>
[[gnu::noinline]] void buffers_that_belong_to_somebody()
{
    using sync = typename Alloc::assembly_type::sync;
    {
        // The same stack, used by allocators and by others in turn.
        for (int round = 0; round < 3; ++round) {
            basic_smart_alloc<backend::static_buffer<400'000, 65536>, sync> alloc;
            auto frame = alloc.frame_scope();
            std::memset(frame.frame_alloc(layout{.bytes = 3000}), 1, 3000);
            auto* const p = alloc.template pool_new<particle>();
            std::memset(alloc.heap_alloc(layout{.bytes = 9000}), 1, 9000);
            write(&p->x, 1.0f);
        }
        char on_stack[420'000];
        std::memset(hidden(&on_stack[0]), 1, sizeof on_stack);
    }
    {
        std::vector<unsigned char> buffer(4 << 20);
        for (int round = 0; round < 3; ++round) {
            std::pmr::monotonic_buffer_resource memory{buffer.data(), buffer.size(), std::pmr::null_memory_resource()};
            basic_smart_alloc<backend::memory_resource, sync> alloc{backend::memory_resource{&memory}};
            auto frame = alloc.frame_scope();
            std::memset(frame.frame_alloc(layout{.bytes = 100'000}), 1, 100'000);
            std::memset(alloc.pool_alloc(layout{.bytes = 100}), 1, 100);
            void* const p = alloc.heap_alloc(layout{.bytes = 9000});
            std::memset(p, 1, 9000);
            alloc.heap_free(p);
        }
        std::memset(buffer.data(), 1, buffer.size());
    }
    basic_smart_alloc<backend::system, sync> by_malloc;
    use_pools(by_malloc);
}

template <class Alloc>
[[gnu::noinline]] void memory_that_nobody_takes_back()
{
    using namespace backend;
    basic_smart_alloc<faulting<split<backend::virtual_memory, backend::system>>, arena::virtual_memory<(16u << 20)>,
                      typename Alloc::assembly_type::sync>
        alloc;
    for (backend_operation const o : {backend_operation::decommit, backend_operation::release}) {
        alloc.backend().fail(o, fault_plan::from(1));
    }
    for (int round = 0; round < 3; ++round) {
        use_pools(alloc);
        auto frame = alloc.frame_scope();
        std::memset(frame.frame_alloc(layout{.bytes = 300'000}), 1, 300'000);
    }
    if (!alloc.verify()) std::abort();
    alloc.backend().fail_all(fault_plan::never());
}

template <class Alloc>
[[gnu::noinline]] void a_child_process_goes_on()
{
    Alloc alloc;
    alloc.begin_frame();
    auto* const text = alloc.template frame_new<std::string>("written by the parent, and read by the child");
    auto* const p = alloc.template pool_new<particle>();
    pid_t const child = ::fork();
    if (child == 0) {
        bool const same = *text == "written by the parent, and read by the child";
        alloc.pool_delete(p);
        use_pools(alloc);
        alloc.end_frame();
        ::_exit(same ? 0 : 1);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) std::abort();
    use_pools(alloc);
    alloc.pool_delete(p);
    alloc.end_frame();
}

template <class Alloc>
constexpr named_case all_pool_cases[] = {
    FRAMEALLOC_CASE(read_after_pool_free),
    FRAMEALLOC_CASE(write_after_pool_free_by_address),
    FRAMEALLOC_CASE(write_after_pool_delete),
    FRAMEALLOC_CASE(read_after_its_pool_box),
    FRAMEALLOC_CASE(overflow_into_the_slack_of_a_pool_block),
    FRAMEALLOC_CASE(read_past_a_pool_array),
    FRAMEALLOC_CASE(overflow_into_a_free_neighbour),
    FRAMEALLOC_CASE(pool_block_freed_twice),
    FRAMEALLOC_CASE(pool_block_freed_twice_by_address),
    FRAMEALLOC_CASE(pool_block_freed_to_another_instance),
    FRAMEALLOC_CASE(pool_block_after_its_slab_was_trimmed),
    FRAMEALLOC_CASE(list_node_after_it_was_erased),
    FRAMEALLOC_CASE(pool_memory_that_nobody_has_written),
    FRAMEALLOC_CASE(blocks_of_all_sizes),
    FRAMEALLOC_CASE(blocks_left_to_the_instance),
    FRAMEALLOC_CASE(all_of_a_blocks_room),
    FRAMEALLOC_CASE(containers_in_pools),
    FRAMEALLOC_CASE(buffers_that_belong_to_somebody),
    FRAMEALLOC_CASE(memory_that_nobody_takes_back),
    FRAMEALLOC_CASE(a_child_process_goes_on),
};

}  // namespace

template <class Alloc>
std::span<named_case const> pool_cases()
{
    return all_pool_cases<Alloc>;
}
FRAMEALLOC_FOR_ALL_ASSEMBLIES(pool_cases);

}  // namespace framealloc::sanitizer_cases
