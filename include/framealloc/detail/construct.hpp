// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/detail/platform/compiler.hpp>

#include <cstddef>
#include <new>
#include <type_traits>
#include <utility>

namespace framealloc::inline v0_1::detail {

/// Types whose lifetime begins with their storage (P0593), so that raw storage may be handed out as `T*`.
template <class T>
concept implicit_lifetime =
    std::is_scalar_v<T> || std::is_array_v<T> ||
    (std::is_class_v<T> && std::is_trivially_destructible_v<T> &&
     (std::is_aggregate_v<T> || std::is_trivially_default_constructible_v<T> ||
      std::is_trivially_copy_constructible_v<T> || std::is_trivially_move_constructible_v<T>)) ||
    (std::is_union_v<T> && std::is_trivially_destructible_v<T>);

/// Destroys `n` objects, the last one first.
template <class T>
void destroy_backwards(T* first, std::size_t n) noexcept {
    static_assert(std::is_nothrow_destructible_v<T>, "framealloc: destructors must not throw");
    if constexpr (!std::is_trivially_destructible_v<T>) {
        while (n > 0) first[--n].~T();
    }
}

/// Constructs one `T`; calls `undo()` and lets the exception go on if the constructor throws.
template <class T, class Undo, class... Args>
T* construct(void* place, Undo&& undo, Args&&... args) {
    auto const make = [&]() -> T* {
        if constexpr (std::is_constructible_v<T, Args...>) {
            return ::new (place) T(static_cast<Args&&>(args)...);
        } else {
            return ::new (place) T{static_cast<Args&&>(args)...};
        }
    };
    if constexpr (std::is_nothrow_constructible_v<T, Args...>) {
        return make();
    } else {
        FRAMEALLOC_TRY { return make(); }
        FRAMEALLOC_CATCH_ALL {
            undo();
            FRAMEALLOC_RETHROW;
        }
    }
}

/// Constructs `n` objects, value-initialised or default-initialised. If a constructor throws, those that stand are
/// destroyed, the last one first, `undo()` is called, and the exception goes on.
template <class T, bool ValueInitialise, class Undo>
T* construct_n(void* place, std::size_t n, Undo&& undo) {
    T* const first = static_cast<T*>(place);
    std::size_t made = 0;
    auto const make_all = [&] {
        for (; made < n; ++made) {
            if constexpr (ValueInitialise) {
                ::new (static_cast<void*>(first + made)) T();
            } else {
                ::new (static_cast<void*>(first + made)) T;
            }
        }
    };
    if constexpr (std::is_nothrow_default_constructible_v<T>) {
        make_all();
    } else {
        FRAMEALLOC_TRY { make_all(); }
        FRAMEALLOC_CATCH_ALL {
            destroy_backwards(first, made);
            undo();
            FRAMEALLOC_RETHROW;
        }
    }
    return first;
}

}  // namespace framealloc::detail
