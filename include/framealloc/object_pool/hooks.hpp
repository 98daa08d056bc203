// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <utility>

// What the objects of a pool are told: `on_acquire` once they are constructed, or given out again, and `on_release` before they
// end, or are put back. Each is found by its name, as a member or as a function beside the type that takes a reference; there is
// no base class, and who has none pays nothing. They run while no lock is held, and may use the pool. They may throw: the object
// is destroyed, its slot is free, and the exception goes on.

namespace framealloc::inline v0_1::detail {
namespace hooks {

void on_acquire() = delete;
void on_release() = delete;

template <class T>
concept acquired_by_member = requires(T& object) { object.on_acquire(); };
template <class T>
concept acquired_by_function = requires(T& object) { on_acquire(object); };
template <class T>
concept released_by_member = requires(T& object) { object.on_release(); };
template <class T>
concept released_by_function = requires(T& object) { on_release(object); };

template <acquired_by_member T>
constexpr void acquire(T& object) noexcept(noexcept(object.on_acquire())) {
    object.on_acquire();
}
template <acquired_by_function T>
    requires(!acquired_by_member<T>)
constexpr void acquire(T& object) noexcept(noexcept(on_acquire(object))) {
    on_acquire(object);
}
template <class T>
constexpr void acquire(T&) noexcept {}

template <released_by_member T>
constexpr void release(T& object) noexcept(noexcept(object.on_release())) {
    object.on_release();
}
template <released_by_function T>
    requires(!released_by_member<T>)
constexpr void release(T& object) noexcept(noexcept(on_release(object))) {
    on_release(object);
}
template <class T>
constexpr void release(T&) noexcept {}

}  // namespace hooks

template <class T>
inline constexpr bool has_release_hook = hooks::released_by_member<T> || hooks::released_by_function<T>;
template <class T>
inline constexpr bool acquires_quietly = noexcept(hooks::acquire(std::declval<T&>()));
template <class T>
inline constexpr bool releases_quietly = noexcept(hooks::release(std::declval<T&>()));

}  // namespace framealloc::detail
