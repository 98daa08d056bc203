// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/detail/bits.hpp>
#include <framealloc/detail/platform/platform.hpp>

#include <sys/random.h>

// What the system offers of unpredictable numbers: only what draws a key reads this.

namespace framealloc::inline v0_1::detail::platform {

/// A number that nobody outside the process can know. Where the system has none yet, early in its start, one of addresses and
/// the clock, which is harder to know than to guess.
[[nodiscard]] inline std::uint64_t random_number() noexcept {
    std::uint64_t n = 0;
    if (::getentropy(&n, sizeof n) == 0) return n;
    n = (address_of(&n) ^ monotonic_nanoseconds()) * 0x9E3779B97F4A7C15;
    return n ^ n >> 32;
}

}  // namespace framealloc::detail::platform
