// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

// What the system knows of the calling thread.

#include <framealloc/detail/bits.hpp>
#include <framealloc/detail/platform/compiler.hpp>

#include <pthread.h>

namespace framealloc::inline v0_1::detail::platform {

/// A thread's name as the system keeps it: at most 15 characters, and a zero.
inline constexpr unsigned long thread_name_bytes = 16;

/// The calling thread's name, terminated; empty where the system has none. A system call.
FRAMEALLOC_COLD inline void name_of_this_thread(char (&to)[thread_name_bytes]) noexcept {
    to[0] = '\0';
    if (::pthread_getname_np(::pthread_self(), to, sizeof to) != 0) to[0] = '\0';
    to[sizeof to - 1] = '\0';
}

/// Where the calling thread's stack lies: addresses that may be read, `begin` the lowest. Both zero where the system does not
/// say. May read a file and allocate from the system's heap.
struct stack_range {
    std::uintptr_t begin = 0;
    std::uintptr_t end = 0;
};
FRAMEALLOC_COLD inline stack_range stack_of_this_thread() noexcept {
#if defined(__APPLE__)
    std::uintptr_t const end = address_of(::pthread_get_stackaddr_np(::pthread_self()));
    return {end - ::pthread_get_stacksize_np(::pthread_self()), end};
#elif defined(__GLIBC__)
    ::pthread_attr_t attributes;
    if (::pthread_getattr_np(::pthread_self(), &attributes) != 0) return {};
    void* begin = nullptr;
    std::size_t bytes = 0;
    int const failed = ::pthread_attr_getstack(&attributes, &begin, &bytes);
    ::pthread_attr_destroy(&attributes);
    return failed != 0 ? stack_range{} : stack_range{address_of(begin), address_of(begin) + bytes};
#else
    return {};
#endif
}

}  // namespace framealloc::detail::platform
