// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include "limits.hpp"

#include <cstddef>

// Allocators for standard containers, without anything that could be left out.

namespace compare {

/// The limit: the bump pointer behind a thread_local. Nothing is given back before the frame ends.
template <class T>
struct bump_allocator {
    using value_type = T;
    bump_allocator() = default;
    template <class U>
    bump_allocator(bump_allocator<U> const&) noexcept {}

    T* allocate(std::size_t n) { return static_cast<T*>(limits::thread_bump.take(n * sizeof(T), alignof(T))); }
    void deallocate(T*, std::size_t) noexcept {}
    friend bool operator==(bump_allocator const&, bump_allocator const&) noexcept { return true; }
};

/// A general allocator, which frees what containers give back at once.
template <class T, class Malloc>
struct malloc_allocator {
    static_assert(alignof(T) <= 16);
    using value_type = T;
    malloc_allocator() = default;
    template <class U>
    malloc_allocator(malloc_allocator<U, Malloc> const&) noexcept {}
    template <class U>
    struct rebind {
        using other = malloc_allocator<U, Malloc>;
    };

    T* allocate(std::size_t n) { return static_cast<T*>(Malloc::allocate(n * sizeof(T))); }
    void deallocate(T* p, std::size_t) noexcept { Malloc::free(p); }
    friend bool operator==(malloc_allocator const&, malloc_allocator const&) noexcept { return true; }
};

}  // namespace compare
