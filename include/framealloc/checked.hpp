// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/detail/object_state.hpp>

#include <concepts>
#include <memory>
#include <type_traits>
#include <utility>

namespace framealloc::inline v0_1 {

/// A `T` that knows whether it is alive. What is used after it was destroyed or moved from is reported (FA222), with the place
/// of the use; and so is what is destroyed twice. Its memory is filled with 0xCD when it is destroyed.
///
/// An assignment makes it alive again, and so does `emplace`.
///
///   Cost      A word beside the object, and a load, a comparison and a branch per access. In constant expressions nothing is
///             reported: there the compiler itself refuses such uses.
///   Threads   As `T`.
///   Failure   The fault handler stops the program, unless it was replaced. If it goes on, so does the use.
///   Lifetime  The use of a `checked` that has itself ended is found for as long as nobody else has its memory: the language
///             promises nothing about what is read there, and this is where a mistake is looked for. An object that was ended
///             by `destroy()` is found always.
template <class T>
    requires(std::is_object_v<T> && !std::is_array_v<T> && std::destructible<T>)
class checked {
public:
    using value_type = T;

    constexpr checked() noexcept(std::is_nothrow_default_constructible_v<T>)
        requires std::default_initializable<T>
    {
        std::construct_at(std::addressof(value_));
        state_ = detail::object_state::alive;
    }
    template <class... Args>
        requires std::constructible_from<T, Args...>
    constexpr explicit checked(std::in_place_t, Args&&... args) {
        std::construct_at(std::addressof(value_), std::forward<Args>(args)...);
        state_ = detail::object_state::alive;
    }
    template <class U = T>
        requires(std::constructible_from<T, U> && !std::same_as<std::remove_cvref_t<U>, checked> &&
                 !std::same_as<std::remove_cvref_t<U>, std::in_place_t>)
    constexpr explicit(!std::convertible_to<U, T>) checked(U&& value)
        : checked(std::in_place, std::forward<U>(value)) {}

    constexpr checked(checked const& other)
        requires std::copy_constructible<T>
        : checked(std::in_place, other.get()) {}
    constexpr checked(checked&& other) noexcept(std::is_nothrow_move_constructible_v<T>)
        requires std::move_constructible<T>
        : checked(std::in_place, std::move(other.get())) {
        other.state_ = detail::object_state::moved;
    }
    constexpr checked& operator=(checked const& other)
        requires(std::copy_constructible<T> && std::is_copy_assignable_v<T>)
    {
        if (this != &other) assign(other.get());
        return *this;
    }
    constexpr checked& operator=(checked&& other) noexcept(std::is_nothrow_move_assignable_v<T> &&
                                                           std::is_nothrow_move_constructible_v<T>)
        requires(std::move_constructible<T> && std::is_move_assignable_v<T>)
    {
        if (this != &other) {
            assign(std::move(other.get()));
            other.state_ = detail::object_state::moved;
        }
        return *this;
    }
    constexpr ~checked() {
        if (std::is_constant_evaluated()) {
            if (holds_object(state_)) std::destroy_at(std::addressof(value_));
            return;
        }
        detail::object_state const s = detail::read_state(state_);
        if (holds_object(s)) {
            std::destroy_at(std::addressof(value_));
        } else if (s != detail::object_state::ended) {
            detail::report_state(this, sizeof(T), s, __builtin_return_address(0));
            return;
        }
        detail::fill_destroyed(this, sizeof *this);
    }

    /// The object. What is not alive is reported.
    [[nodiscard]] FRAMEALLOC_HOT constexpr T& get() & {
        look();
        return value_;
    }
    [[nodiscard]] FRAMEALLOC_HOT constexpr T const& get() const& {
        look();
        return value_;
    }
    [[nodiscard]] FRAMEALLOC_HOT constexpr T& operator*() & { return get(); }
    [[nodiscard]] FRAMEALLOC_HOT constexpr T const& operator*() const& { return get(); }
    [[nodiscard]] FRAMEALLOC_HOT constexpr T* operator->() { return std::addressof(get()); }
    [[nodiscard]] FRAMEALLOC_HOT constexpr T const* operator->() const { return std::addressof(get()); }

    /// What it is now; never reported.
    [[nodiscard]] constexpr bool is_alive() const noexcept { return state() == detail::object_state::alive; }
    [[nodiscard]] constexpr bool is_moved_from() const noexcept { return state() == detail::object_state::moved; }

    /// Ends the object's life, once.
    FRAMEALLOC_HOT constexpr void destroy() {
        if (!holds_object(state())) [[unlikely]]
            return complain();
        end();
    }
    /// A new object, in place of the one that was there, if any. Where the constructor throws there is none.
    template <class... Args>
        requires std::constructible_from<T, Args...>
    constexpr T& emplace(Args&&... args) {
        if (holds_object(state())) end();
        std::construct_at(std::addressof(value_), std::forward<Args>(args)...);
        state_ = detail::object_state::alive;
        return value_;
    }
    /// Exchanges two living objects.
    friend constexpr void swap(checked& a, checked& b) noexcept(std::is_nothrow_swappable_v<T>)
        requires std::swappable<T>
    {
        using std::swap;
        swap(a.get(), b.get());
    }

private:
    [[nodiscard]] static constexpr bool holds_object(detail::object_state s) noexcept {
        return s == detail::object_state::alive || s == detail::object_state::moved;
    }
    [[nodiscard]] FRAMEALLOC_HOT constexpr detail::object_state state() const noexcept {
        return std::is_constant_evaluated() ? state_ : detail::read_state(state_);
    }
    FRAMEALLOC_HOT constexpr void look() const {
        if (state() != detail::object_state::alive) [[unlikely]]
            complain();
    }
    FRAMEALLOC_HOT void complain() const {
        void const* site = nullptr;
        FRAMEALLOC_READ_PROGRAM_COUNTER(site);
        detail::report_state(this, sizeof(T), detail::read_state(state_), site);
    }
    constexpr void end() {
        std::destroy_at(std::addressof(value_));
        state_ = detail::object_state::ended;
        if (!std::is_constant_evaluated()) detail::fill_destroyed(std::addressof(value_), sizeof(T));
    }
    template <class U>
    constexpr void assign(U&& value) {
        if (holds_object(state())) {
            value_ = std::forward<U>(value);
            state_ = detail::object_state::alive;
        } else {
            emplace(std::forward<U>(value));
        }
    }

    union {
        T value_;
    };
    detail::object_state state_ = detail::object_state::ended;  // until it is constructed
};

}  // namespace framealloc
