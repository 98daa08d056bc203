// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

// What the system knows of the calling thread's stack: a part of platform.hpp's contract, in a room of its own because the
// core does not need it.

#include <framealloc/detail/bits.hpp>
#include <framealloc/detail/platform/compiler.hpp>

#include <pthread.h>

namespace framealloc::inline v0_1::detail::platform {

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
