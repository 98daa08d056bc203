// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>

namespace framealloc::inline v0_1::detail {

/// Not std::has_single_bit: without the popcnt instruction, which the default target lacks, that is a call.
[[nodiscard]] constexpr bool is_power_of_two(std::size_t n) noexcept { return n != 0 && (n & (n - 1)) == 0; }

/// Rounds up to a multiple of `step`, a power of two. The caller knows that the sum does not wrap.
[[nodiscard]] constexpr std::size_t round_up(std::size_t n, std::size_t step) noexcept {
    return (n + (step - 1)) & ~(step - 1);
}

[[nodiscard]] constexpr std::size_t ceil_div(std::size_t n, std::size_t by) noexcept { return (n + by - 1) / by; }

/// The position of the highest set bit; `n` is not zero.
[[nodiscard]] constexpr unsigned log2_floor(std::size_t n) noexcept {
    return static_cast<unsigned>(std::bit_width(n)) - 1;
}

/// Sizes in steps of a quarter of a power of two: 64, 80, 96, 112, 128, 160, ... A block rounded to its step wastes at
/// most a fifth, and equal requests meet in the same step, whatever small amounts they differ by.
struct quarter_steps {
    static constexpr std::size_t smallest = 64;

    /// The number of the smallest step that holds `bytes`.
    [[nodiscard]] static constexpr std::size_t index(std::size_t bytes) noexcept {
        if (bytes <= smallest) return 0;
        unsigned const power = log2_floor(bytes - 1);
        std::size_t const quarter = ((bytes - 1) >> (power - 2)) & 3;
        return (std::size_t{power} - log2_floor(smallest)) * 4 + quarter + 1;
    }

    /// The bytes in step `index`.
    [[nodiscard]] static constexpr std::size_t bytes(std::size_t index) noexcept {
        return (4 + index % 4) << (log2_floor(smallest) - 2 + index / 4);
    }

    /// `bytes` rounded up to its step; a number so large that no step holds it stays as it is.
    [[nodiscard]] static constexpr std::size_t round(std::size_t n) noexcept {
        return n > SIZE_MAX / 2 ? n : bytes(index(n));
    }
};
static_assert(quarter_steps::bytes(quarter_steps::index(65)) == 80 && quarter_steps::bytes(0) == 64);
static_assert(quarter_steps::bytes(quarter_steps::index(128)) == 128 &&
              quarter_steps::bytes(quarter_steps::index(129)) == 160);

/// The address of `p`, and back: the two places where a pointer is read as a number.
[[nodiscard]] inline std::uintptr_t address_of(void const volatile* p) noexcept {
    return reinterpret_cast<std::uintptr_t>(p);
}
template <class T = std::byte>
[[nodiscard]] T* pointer_to(std::uintptr_t address) noexcept {
    return reinterpret_cast<T*>(address);
}
/// The place `bytes` behind `p`.
[[nodiscard]] inline void* behind(void* p, std::size_t bytes) noexcept {
    return pointer_to<void>(address_of(p) + bytes);
}
[[nodiscard]] inline void const* behind(void const* p, std::size_t bytes) noexcept {
    return pointer_to<void const>(address_of(p) + bytes);
}

}  // namespace framealloc::detail
