// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/budget/per_tag.hpp>
#include <framealloc/smart_alloc.hpp>
#include <framealloc/sync/mutex.hpp>
#include <framealloc/sync/single_threaded.hpp>
#include <framealloc/tag_budgets.hpp>

#include <mutex>
#include <new>
#include <span>

// Programs for the tools that watch memory: each is a function, runs in a process of its own, and does one thing wrong, or
// nothing. What a tool has to say of it stands behind the line where it is wrong, as
//
//     //! asan: KIND | valgrind: KIND | tsan: KIND       KIND is a part of the report's text, or `silent`
//
// and the first line of ours in the report has to be that line. A function without such a comment is right, and all are silent.
// `asan(tags): KIND` is for the assembly of that name, where it sees more by itself.

namespace framealloc::sanitizer_cases {

using lock_free_alloc = smart_alloc;
using single_threaded_alloc = basic_smart_alloc<sync::single_threaded>;
using mutex_alloc = basic_smart_alloc<sync::mutex<std::mutex>>;
using tags_alloc = basic_smart_alloc<budget::per_tag>;

struct named_case {
    char const* name;
    void (*run)();
};

// One per file.
template <class Alloc>
std::span<named_case const> frame_cases();
template <class Alloc>
std::span<named_case const> pool_cases();
template <class Alloc>
std::span<named_case const> heap_cases();
template <class Alloc>
std::span<named_case const> leak_cases();
template <class Alloc>
std::span<named_case const> thread_cases();

#define FRAMEALLOC_FOR_ALL_ASSEMBLIES(CASES)                                    \
    template std::span<named_case const> CASES<lock_free_alloc>();              \
    template std::span<named_case const> CASES<single_threaded_alloc>();        \
    template std::span<named_case const> CASES<mutex_alloc>();                  \
    template std::span<named_case const> CASES<tags_alloc>()

#define FRAMEALLOC_CASE(NAME) named_case{#NAME, &NAME<Alloc>}

// What the compiler does not see through.
template <class T>
[[gnu::always_inline]] inline T* hidden(T* p) {
    __asm__ volatile("" : "+r"(p));
    return p;
}
// Calls, since a call has a line of its own in any build.
template <class T>
[[gnu::noinline]] T read(T const* p) {
    return *static_cast<T const volatile*>(hidden(p));
}
template <class T>
[[gnu::noinline]] void write(T* p, T value) {
    *static_cast<T volatile*>(hidden(p)) = value;
}

/// An allocator that lives until the process is gone, as a global one whose destructor nobody waits for.
template <class Alloc>
Alloc& immortal()
{
    alignas(Alloc) static unsigned char place[sizeof(Alloc)];
    static Alloc& alloc = *::new (place) Alloc;
    return alloc;
}

}  // namespace framealloc::sanitizer_cases
