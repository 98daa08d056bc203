// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/policy.hpp>

namespace framealloc::inline v0_1::budget {

/// Budget: none. Memory is the only limit. The default.
///
/// Choose it unless somebody has promised a number. Costs no byte and no instruction.
///
///   Cost      None.
///   Threads   Any.
///   Failure   Never refuses.
///   Lifetime  Stateless.
struct none {
    using family = budget_family;

    [[nodiscard]] constexpr bool try_charge(std::size_t) noexcept { return true; }
    constexpr void refund(std::size_t) noexcept {}
    [[nodiscard]] constexpr std::size_t used_bytes() const noexcept { return 0; }
    [[nodiscard]] constexpr std::size_t limit_bytes() const noexcept { return SIZE_MAX; }
};

}  // namespace framealloc::budget
