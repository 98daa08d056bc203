// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/detail/platform/compiler.hpp>

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

}  // namespace framealloc::detail
