// SPDX-License-Identifier: MIT OR Apache-2.0
#include "cases.hpp"

#include <framealloc/backend/virtual_memory.hpp>

#include <cstdlib>
#include <cstring>

// Memory of `malloc` that only our memory points to: not lost while it is alive, and lost when it is not.

namespace framealloc::sanitizer_cases {
namespace {

struct holder {
    void* held = nullptr;
};

/// What earlier calls have left on the stack is not meant to keep anything alive.
[[gnu::noinline]] void wipe_the_stack()
{
    char on_stack[65536];
    std::memset(on_stack, 0, sizeof on_stack);
    __asm__ volatile("" : : "r"(&on_stack[0]) : "memory");
}

// --- wrong --------------------------------------------------------------------------------------------------------------

template <class Alloc>
[[gnu::noinline]] void hold_in_a_frame(Alloc& alloc)
{
    alloc.begin_frame();
    auto* const p = alloc.template frame_new<holder>();
    write(&p->held, std::malloc(1234));  //! asan: Direct leak of 1234 byte | valgrind: definitely lost
    alloc.end_frame();
}
template <class Alloc>
[[gnu::noinline]] void lost_with_the_frame_that_pointed_to_it()
{
    hold_in_a_frame(immortal<Alloc>());
    wipe_the_stack();
}

template <class Alloc>
[[gnu::noinline]] void hold_in_a_pool(Alloc& alloc)
{
    auto* const p = alloc.template pool_new<holder>();
    auto* const q = alloc.template pool_new<holder>();
    write(&p->held, std::malloc(1234));  //! asan: Direct leak of 1234 byte | valgrind: definitely lost
    alloc.pool_delete(p);
    alloc.pool_delete(q);
}
template <class Alloc>
[[gnu::noinline]] void lost_with_the_pool_block_that_pointed_to_it()
{
    hold_in_a_pool(immortal<Alloc>());
    wipe_the_stack();
}

template <class Alloc>
[[gnu::noinline]] void hold_on_the_heap(Alloc& alloc)
{
    auto const row = alloc.template heap_array<holder>(100);
    write(&row[50].held, std::malloc(1234));  //! asan: Direct leak of 1234 byte | valgrind: definitely lost
    alloc.heap_delete(row);
}
template <class Alloc>
[[gnu::noinline]] void lost_with_the_heap_block_that_pointed_to_it()
{
    hold_on_the_heap(immortal<Alloc>());
    wipe_the_stack();
}

// --- right --------------------------------------------------------------------------------------------------------------

template <class Alloc>
[[gnu::noinline]] void hold_in_all(Alloc& alloc)
{
    alloc.begin_frame();
    auto* const first = alloc.template frame_new<holder>();
    first->held = std::malloc(1);
    for (int i = 0; i < 100; ++i) {
        auto* const large = static_cast<holder*>(alloc.frame_alloc(layout{.bytes = 20'000}));  // in many chunks
        std::memset(static_cast<void*>(large), 0, 20'000);
        large[1000].held = std::malloc(2);
    }
    // A row of which only the first is held by the frame, each in memory of another kind.
    auto* const pooled = alloc.template pool_new<holder>();
    first->held = std::realloc(first->held, sizeof(holder));
    static_cast<holder*>(first->held)->held = pooled;
    auto const on_heap = alloc.template heap_array<holder>(1000);
    pooled->held = on_heap.data();
    for (int i = 0; i < 100; ++i) on_heap[static_cast<std::size_t>(i)].held = alloc.template pool_new<holder>();
    for (int i = 0; i < 100; ++i) static_cast<holder*>(on_heap[static_cast<std::size_t>(i)].held)->held = std::malloc(3);
}
template <class Alloc>
[[gnu::noinline]] void held_by_memory_of_all_kinds()
{
    hold_in_all(immortal<Alloc>());
    hold_in_all(immortal<basic_smart_alloc<backend::virtual_memory, typename Alloc::assembly_type::sync>>());
    hold_in_all(immortal<basic_smart_alloc<backend::system, typename Alloc::assembly_type::sync>>());
    wipe_the_stack();
}

template <class Alloc>
constexpr named_case all_leak_cases[] = {
    FRAMEALLOC_CASE(lost_with_the_frame_that_pointed_to_it),
    FRAMEALLOC_CASE(lost_with_the_pool_block_that_pointed_to_it),
    FRAMEALLOC_CASE(lost_with_the_heap_block_that_pointed_to_it),
    FRAMEALLOC_CASE(held_by_memory_of_all_kinds),
};

}  // namespace

template <class Alloc>
std::span<named_case const> leak_cases()
{
    return all_leak_cases<Alloc>;
}
FRAMEALLOC_FOR_ALL_ASSEMBLIES(leak_cases);

}  // namespace framealloc::sanitizer_cases
