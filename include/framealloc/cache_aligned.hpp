// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/detail/platform/compiler.hpp>

#include <type_traits>

namespace framealloc::inline v0_1 {

/// A `T` alone on its cache lines: for what one thread writes beside what another one reads. Its size is rounded up to
/// whole lines, so that one of 4 bytes takes 64, and one of 64 bytes no more than that. Every allocator here honours
/// its alignment.
///
/// The line is 64 bytes on all targets, and not `std::hardware_destructive_interference_size`: that differs with
/// compiler options, and the layout of a type must not.
///
///   Cost      None beyond the bytes.
///   Threads   As `T`.
///   Failure   As `T`.
///   Lifetime  As `T`.
template <class T>
struct alignas(alignof(T) > detail::cache_line_bytes ? alignof(T) : detail::cache_line_bytes) cache_aligned {
    T value;

    [[nodiscard]] constexpr T& operator*() noexcept { return value; }
    [[nodiscard]] constexpr T const& operator*() const noexcept { return value; }
    [[nodiscard]] constexpr T* operator->() noexcept { return &value; }
    [[nodiscard]] constexpr T const* operator->() const noexcept { return &value; }
};

template <class T>
cache_aligned(T) -> cache_aligned<T>;

static_assert(sizeof(cache_aligned<int>) == 64 && sizeof(cache_aligned<char[64]>) == 64 &&
              sizeof(cache_aligned<char[65]>) == 128 && alignof(cache_aligned<char>) == 64);

}  // namespace framealloc
