// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/detail/object_state.hpp>

#include <concepts>
#include <memory>
#include <type_traits>
#include <utility>

namespace framealloc::inline v0_1 {

/// A `T` between two canaries in memory of its own: `[canary, object, canary]`, each directly beside the object. Who writes
/// below the object (FA215) or behind it (FA214) is found at the next access, at its destruction, or by `verify()`, with the
/// offset and the value of the byte that is wrong.
///
///     guarded<std::array<char, 16>> name;
///     std::snprintf(name->data(), 32, "%s", text);   // one byte too many is reported at the next use of `name`
///
///   Cost      16 bytes behind the object, and 16 or its alignment below; a look at both per access. In constant expressions
///             nothing is looked at: there the compiler itself refuses such writes.
///   Threads   As `T`: an access reads the canaries.
///   Failure   The fault handler stops the program, unless it was replaced; then the access goes on.
///   Lifetime  That of the object.
template <class T>
    requires(std::is_object_v<T> && !std::is_const_v<T> && std::destructible<T>)
class guarded {
    static constexpr std::size_t below_bytes = alignof(T) > 16 ? alignof(T) : 16;
    static constexpr std::size_t behind_bytes = 16;

public:
    using value_type = T;

    constexpr guarded() noexcept(std::is_nothrow_default_constructible_v<T>)
        requires std::default_initializable<T>
    {}
    template <class... Args>
        requires std::constructible_from<T, Args...>
    constexpr explicit guarded(std::in_place_t, Args&&... args) : value_(std::forward<Args>(args)...) {}
    template <class U = T>
        requires(std::constructible_from<T, U> && !std::same_as<std::remove_cvref_t<U>, guarded> &&
                 !std::same_as<std::remove_cvref_t<U>, std::in_place_t>)
    constexpr explicit(!std::convertible_to<U, T>) guarded(U&& value) : value_(std::forward<U>(value)) {}

    // The canaries stay with their object.
    constexpr guarded(guarded const& other)
        requires std::copy_constructible<T>
        : value_(other.get()) {}
    constexpr guarded(guarded&& other) noexcept(std::is_nothrow_move_constructible_v<T>)
        requires std::move_constructible<T>
        : value_(std::move(other.get())) {}
    constexpr guarded& operator=(guarded const& other)
        requires std::is_copy_assignable_v<T>
    {
        get() = other.get();
        return *this;
    }
    constexpr guarded& operator=(guarded&& other) noexcept(std::is_nothrow_move_assignable_v<T>)
        requires std::is_move_assignable_v<T>
    {
        get() = std::move(other.get());
        return *this;
    }
    constexpr ~guarded() {
        if (!std::is_constant_evaluated()) look(__builtin_return_address(0));
    }

    /// The object. A canary that is damaged is reported.
    [[nodiscard]] FRAMEALLOC_HOT constexpr T& get() & {
        look_from_here();
        return value_;
    }
    [[nodiscard]] FRAMEALLOC_HOT constexpr T const& get() const& {
        look_from_here();
        return value_;
    }
    [[nodiscard]] FRAMEALLOC_HOT constexpr T& operator*() & { return get(); }
    [[nodiscard]] FRAMEALLOC_HOT constexpr T const& operator*() const& { return get(); }
    [[nodiscard]] FRAMEALLOC_HOT constexpr T* operator->() { return std::addressof(get()); }
    [[nodiscard]] FRAMEALLOC_HOT constexpr T const* operator->() const { return std::addressof(get()); }

    /// Whether both canaries are whole; otherwise the damage has been reported.
    FRAMEALLOC_HOT bool verify() const {
        void const* site = nullptr;
        FRAMEALLOC_READ_PROGRAM_COUNTER(site);
        return look(site);
    }
    /// Both again as they should be: for who goes on after a report.
    constexpr void restore() noexcept {
        below_ = canary<below_bytes, true>();
        behind_ = canary<behind_bytes, false>();
    }

    /// Exchanges the objects; each canary stays where it is.
    friend constexpr void swap(guarded& a, guarded& b) noexcept(std::is_nothrow_swappable_v<T>)
        requires std::swappable<T>
    {
        using std::swap;
        swap(a.get(), b.get());
    }

private:
    template <std::size_t Bytes>
    struct bytes {
        unsigned char at[Bytes];
    };
    template <std::size_t Bytes, bool Below>
    [[nodiscard]] static constexpr bytes<Bytes> canary() noexcept {
        bytes<Bytes> c{};
        for (std::size_t i = 0; i < Bytes; ++i) c.at[Below ? Bytes - 1 - i : i] = detail::guard_byte(i);
        return c;
    }

    FRAMEALLOC_HOT constexpr void look_from_here() const {
        if (std::is_constant_evaluated()) return;
        static_cast<void>(verify());
    }
    bool look(void const* site) const {
        asm volatile("" : : "r"(this) : "memory");  // nothing is known of the canaries by heart
        std::size_t const below = detail::find_damage_below(below_.at, below_bytes);
        std::size_t const behind = detail::find_damage_behind(behind_.at, behind_bytes);
        if (below == below_bytes && behind == behind_bytes) [[likely]]
            return true;
        void const* const object = std::addressof(value_);
        if (below != below_bytes) {
            detail::report_guard_below(object, below, below_.at[below_bytes - 1 - below], site);
        }
        if (behind != behind_bytes) {
            detail::report_guard_behind(object, sizeof(T), behind, behind_.at[behind], site);
        }
        return false;
    }

    // A multiple of the object's alignment below it, and bytes behind it: nothing lies between.
    alignas(alignof(T) > 16 ? alignof(T) : 16) bytes<below_bytes> below_ = canary<below_bytes, true>();
    T value_{};
    bytes<behind_bytes> behind_ = canary<behind_bytes, false>();
};

}  // namespace framealloc
