// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/detail/platform/compiler.hpp>

#include <cstddef>
#include <new>

// Where objects of pools begin and end.

namespace framealloc::inline v0_1::detail {

template <class T>
FRAMEALLOC_HOT T* begin_value_at(void* place) {
    return ::new (place) T();
}
/// A `T` that is what `make()` answers, made there.
template <class T, class Make>
FRAMEALLOC_HOT T* begin_at(void* place, Make&& make) {
    return ::new (place) T(make());
}
template <class T>
FRAMEALLOC_HOT void end_object(T& object) noexcept {
    object.~T();
}

/// On the heap of the program; null where that has no room.
template <class T, class... Args>
[[nodiscard]] T* try_new(Args&... args) {
    return new (std::nothrow) T(args...);
}
[[nodiscard]] inline unsigned char* bytes_behind(void* p, std::size_t offset) noexcept {
    return static_cast<unsigned char*>(p) + offset;
}
inline void fill_bytes(void* from, std::size_t bytes, unsigned char with) noexcept {
    __builtin_memset(from, with, bytes);
}

}  // namespace framealloc::detail
