// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/failure.hpp>

#include <cassert>
#include <type_traits>
#include <variant>

namespace framealloc::inline v0_1 {

/// What a call of a `streaming_allocator` answers: a `T`, or the `fault` that says why not, with its code and numbers. It has
/// the members of C++23's `std::expected<T, fault>` that are used most, and is nobody's to ignore.
///
///     if (auto const id = assets.reserve(bytes)) use(*id);
///     else std::fputs(text_of(id.error()), stderr);
///
///   Failure   `value()` of a refusal throws `allocation_failure`, or reports and calls the failure handler where exceptions
///             are off. `*` and `->` ask for an answer that is there.
template <class T>
class [[nodiscard]] stream_result {
    using stored = std::conditional_t<std::is_void_v<T>, std::monostate, T>;

public:
    using value_type = T;
    using error_type = fault;

    stream_result(stored answer) noexcept : is_(std::in_place_index<0>, static_cast<stored&&>(answer)) {}
    stream_result(fault const& why) noexcept : is_(std::in_place_index<1>, why) {}
    stream_result() noexcept
        requires std::is_void_v<T>
    = default;

    [[nodiscard]] bool has_value() const noexcept { return is_.index() == 0; }
    [[nodiscard]] explicit operator bool() const noexcept { return has_value(); }

    [[nodiscard]] decltype(auto) operator*() & noexcept { return there(*this); }
    [[nodiscard]] decltype(auto) operator*() const& noexcept { return there(*this); }
    [[nodiscard]] decltype(auto) operator*() && noexcept { return static_cast<stored&&>(there(*this)); }
    [[nodiscard]] auto* operator->() noexcept { return &there(*this); }
    [[nodiscard]] auto* operator->() const noexcept { return &there(*this); }

    /// The answer; a refusal throws.
    decltype(auto) value() & { return sure(*this), there(*this); }
    decltype(auto) value() const& { return sure(*this), there(*this); }
    stored value() && { return sure(*this), static_cast<stored&&>(there(*this)); }
    [[nodiscard]] stored value_or(stored other) && {
        return has_value() ? static_cast<stored&&>(there(*this)) : static_cast<stored&&>(other);
    }

    /// Why not; there is no answer.
    [[nodiscard]] fault const& error() const noexcept {
        assert(!has_value());
        return *std::get_if<1>(&is_);
    }
    /// The same, by its code alone; `fault_code{}` where there is an answer.
    [[nodiscard]] fault_code code() const noexcept { return has_value() ? fault_code{} : error().code.code(); }

private:
    template <class Self>
    [[nodiscard]] static auto& there(Self& self) noexcept {
        assert(self.has_value());
        return *std::get_if<0>(&self.is_);
    }
    template <class Self>
    static void sure(Self& self) {
        if (!self.has_value()) [[unlikely]]
            detail::throw_failure(self.error(), {.bytes = static_cast<std::size_t>(self.error().numbers[0])});
    }

    std::variant<stored, fault> is_;
};

}  // namespace framealloc
