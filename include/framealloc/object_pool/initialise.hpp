// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/object_pool/detail/object_lifetime.hpp>
#include <framealloc/object_pool/object_pool_policy.hpp>

#include <utility>

// When the objects of a pool are constructed and destroyed.

namespace framealloc::inline v0_1::initialise {

/// Initialiser: each allocation constructs an object, from what it is called with, and each release destroys it. The default.
struct on_allocate {
    using family = object_initialiser_family;
    static constexpr bool keeps = false;
};

/// Initialiser: objects stay constructed between uses. `Init()` makes each once, when its slot is first given out or, with
/// `initialisation::eager`, when its memory comes; `Reset(object)` readies it for its next use when it is released. They are
/// destroyed with the pool, or when it shrinks. `Init` null: `T()`. `Reset` null: as it was left.
///
/// Choose it for objects that are dear to construct, and have buffers of their own to keep.
///
///     using workers = fixed_pool<worker, initialise::kept<[] { return worker{1024}; }, [](worker& w) { w.clear(); }>>;
///
///   Cost      A byte per slot, and a look at it per allocation. The slots' links lie behind the objects.
///   Failure   Where `Init` throws, the slot is as it was, and the exception goes on. Where `Reset` throws, the object is
///             destroyed, its slot is free, and the exception goes on.
template <auto Init = nullptr, auto Reset = nullptr>
struct kept {
    using family = object_initialiser_family;
    static constexpr bool keeps = true;

    template <class T>
    static void make(void* place) {
        if constexpr (std::is_same_v<decltype(Init), std::nullptr_t>) {
            detail::begin_value_at<T>(place);
        } else {
            detail::begin_at<T>(place, Init);
        }
    }
    template <class T>
    static void reset(T& object) {
        if constexpr (!std::is_same_v<decltype(Reset), std::nullptr_t>) Reset(object);
    }
    /// Whether `Reset` cannot throw.
    template <class T>
    static constexpr bool resets_quietly() noexcept {
        if constexpr (std::is_same_v<decltype(Reset), std::nullptr_t>) {
            return true;
        } else {
            return noexcept(Reset(std::declval<T&>()));
        }
    }
};

}  // namespace framealloc::initialise
