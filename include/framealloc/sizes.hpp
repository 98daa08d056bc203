// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>

namespace framealloc::inline v0_1 {

namespace detail {

/// Not `constexpr`, and never defined: reaching it during constant evaluation is the error message.
void size_does_not_fit_into_size_t();

constexpr std::size_t scaled_size(unsigned long long count, unsigned shift) {
    if (count > (SIZE_MAX >> shift)) size_does_not_fit_into_size_t();
    return static_cast<std::size_t>(count) << shift;
}

}  // namespace detail

/// Sizes in bytes, written as a person says them: `64_KiB == 65536`. Overflow is a compile error.
inline namespace literals {
consteval std::size_t operator""_B(unsigned long long n) { return detail::scaled_size(n, 0); }
consteval std::size_t operator""_KiB(unsigned long long n) { return detail::scaled_size(n, 10); }
consteval std::size_t operator""_MiB(unsigned long long n) { return detail::scaled_size(n, 20); }
consteval std::size_t operator""_GiB(unsigned long long n) { return detail::scaled_size(n, 30); }
}  // namespace literals

/// The same for numbers known at run time; a result that does not fit saturates at `SIZE_MAX`, which every allocation
/// refuses.
[[nodiscard]] constexpr std::size_t kib(std::size_t n) noexcept { return n > (SIZE_MAX >> 10) ? SIZE_MAX : n << 10; }
[[nodiscard]] constexpr std::size_t mib(std::size_t n) noexcept { return n > (SIZE_MAX >> 20) ? SIZE_MAX : n << 20; }

}  // namespace framealloc
