// SPDX-License-Identifier: MIT OR Apache-2.0
#include "cases.hpp"

#include <framealloc/allocator.hpp>
#include <framealloc/backend/virtual_memory.hpp>

#include <cstring>
#include <string>
#include <vector>

namespace framealloc::sanitizer_cases {
namespace {

// --- wrong --------------------------------------------------------------------------------------------------------------

template <class Alloc>
[[gnu::noinline]] void underflow_into_the_head_of_a_heap_block()
{
    Alloc alloc;
    char* const p = static_cast<char*>(alloc.heap_alloc(layout{.bytes = 1000}));
    write(p - 8, 'x');  //! asan: use-after-poison | valgrind: Invalid write of size 1
    alloc.heap_free(p);
}

template <class Alloc>
[[gnu::noinline]] void overflow_of_a_heap_block()
{
    Alloc alloc;
    char* const p = static_cast<char*>(alloc.heap_alloc(layout{.bytes = 1001}));
    write(p + 1001, 'x');  //! asan: use-after-poison | valgrind: Invalid write of size 1
    alloc.heap_free(p);
}

template <class Alloc>
[[gnu::noinline]] void overflow_of_a_heap_block_in_a_place_of_another()
{
    Alloc alloc;
    alloc.heap_free(alloc.heap_alloc(layout{.bytes = 1000}));
    char* const p = static_cast<char*>(alloc.heap_alloc(layout{.bytes = 990}));
    read(p + 990);  //! asan: use-after-poison | valgrind: Invalid read of size 1
    alloc.heap_free(p);
}

template <class Alloc>
[[gnu::noinline]] void read_after_heap_free()
{
    Alloc alloc;
    char* const p = static_cast<char*>(alloc.heap_alloc(layout{.bytes = 1000}));
    std::memset(p, 1, 1000);
    alloc.heap_free(p, layout{.bytes = 1000});
    read(p + 500);  //! asan: use-after-poison | valgrind: Invalid read of size 1
}

template <class Alloc>
[[gnu::noinline]] void write_after_heap_delete()
{
    Alloc alloc;
    std::span<long> const row = alloc.template heap_array<long>(100);
    alloc.heap_delete(row);
    write(&row[0], 1L);  //! asan: use-after-poison | valgrind: Invalid write of size 8
}

template <class Alloc>
[[gnu::noinline]] void read_after_the_heap_block_left_the_process()
{
    Alloc alloc{alloc_config{.heap_cache_bytes = 0}};
    char* const p = static_cast<char*>(alloc.heap_alloc(layout{.bytes = 1000}));
    alloc.heap_free(p);
    read(p + 500);  //! asan: heap-use-after-free | valgrind: Invalid read of size 1
}

template <class Alloc>
[[gnu::noinline]] void heap_block_freed_twice()
{
    Alloc alloc;
    void* const other = alloc.heap_alloc(layout{.bytes = 1000});
    void* const p = alloc.heap_alloc(layout{.bytes = 1000});
    alloc.heap_free(p);
    alloc.heap_free(p);  //! asan: FA210 | valgrind: FA210
    alloc.heap_free(other);
}

template <class Alloc>
[[gnu::noinline]] void a_large_pool_request_after_its_free()
{
    Alloc alloc;
    char* const p = static_cast<char*>(alloc.pool_alloc(layout{.bytes = 100'000}));
    alloc.pool_free(p, layout{.bytes = 100'000});
    write(p + 99'999, 'x');  //! asan: use-after-poison | valgrind: Invalid write of size 1
}

template <class Alloc>
[[gnu::noinline]] void heap_memory_that_nobody_has_written()
{
    Alloc alloc;
    int* const p = static_cast<int*>(alloc.heap_alloc(layout{.bytes = 400}));
    std::memset(p, 1, 400);
    alloc.heap_free(p);
    int* const q = static_cast<int*>(alloc.heap_alloc(layout{.bytes = 400}));
    if (read(q + 50) == 1) alloc.trim();  //! asan: silent | valgrind: uninitialised value
    alloc.heap_free(q);
}

// --- right --------------------------------------------------------------------------------------------------------------

template <class Alloc>
void use_heap(Alloc& alloc)
{
    std::vector<char*> held;
    for (std::size_t i = 0; i < 2000; ++i) {
        std::size_t const bytes = i * 7919 % 40'000;
        auto* const p = static_cast<char*>(alloc.heap_alloc(layout{.bytes = bytes, .align = std::size_t{1} << i % 13}));
        std::memset(p, 1, bytes);
        held.push_back(p);
        if (i % 2 == 1) {
            std::swap(held[i * 31 % held.size()], held.back());
            alloc.heap_free(held.back());
            held.pop_back();
        }
        if (i % 500 == 499) alloc.trim();
    }
    for (char* p : held) {
        std::size_t const room = alloc.usable_size(p);
        std::memset(p, 2, room);
        alloc.heap_free(p);
    }
    if (!alloc.verify()) std::abort();
}

template <class Alloc>
[[gnu::noinline]] void heap_blocks_of_all_sizes()
{
    Alloc alloc;
    use_heap(alloc);
    std::memset(alloc.heap_alloc(layout{.bytes = 30'000}), 1, 30'000);  // which the instance gives back
}

template <class Alloc>
[[gnu::noinline]] void heap_blocks_of_pages()
{
    basic_smart_alloc<backend::virtual_memory, typename Alloc::assembly_type::sync> alloc;
    use_heap(alloc);
}

template <class Alloc>
[[gnu::noinline]] void containers_on_the_heap()
{
    Alloc alloc;
    std::vector<std::string, heap_allocator<std::string, Alloc>> texts{heap_allocator<std::string, Alloc>{alloc}};
    for (std::size_t i = 0; i < 2000; ++i) texts.emplace_back(i % 100, 'x');
    auto const box = alloc.template heap_box<std::string>(texts[77]);
    texts.clear();
    texts.shrink_to_fit();
}

template <class Alloc>
constexpr named_case all_heap_cases[] = {
    FRAMEALLOC_CASE(underflow_into_the_head_of_a_heap_block),
    FRAMEALLOC_CASE(overflow_of_a_heap_block),
    FRAMEALLOC_CASE(overflow_of_a_heap_block_in_a_place_of_another),
    FRAMEALLOC_CASE(read_after_heap_free),
    FRAMEALLOC_CASE(write_after_heap_delete),
    FRAMEALLOC_CASE(read_after_the_heap_block_left_the_process),
    FRAMEALLOC_CASE(heap_block_freed_twice),
    FRAMEALLOC_CASE(a_large_pool_request_after_its_free),
    FRAMEALLOC_CASE(heap_memory_that_nobody_has_written),
    FRAMEALLOC_CASE(heap_blocks_of_all_sizes),
    FRAMEALLOC_CASE(heap_blocks_of_pages),
    FRAMEALLOC_CASE(containers_on_the_heap),
};

}  // namespace

template <class Alloc>
std::span<named_case const> heap_cases()
{
    return all_heap_cases<Alloc>;
}
FRAMEALLOC_FOR_ALL_ASSEMBLIES(heap_cases);

}  // namespace framealloc::sanitizer_cases
