// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/policy.hpp>

namespace framealloc::inline v0_1 {

/// What part of the allocations each intent has served: they add up to 1, or are all 0 where there were none.
struct intent_shares {
    double frame = 0;
    double pool = 0;
    double heap = 0;

    friend bool operator==(intent_shares const&, intent_shares const&) noexcept = default;
};

[[nodiscard]] inline intent_shares shares_of(operation_counts const& o) noexcept {
    unsigned long long const all = o.frame_allocations + o.pool_allocations + o.heap_allocations;
    if (all == 0) return {};
    auto const part = [all](unsigned long long n) { return static_cast<double>(n) / static_cast<double>(all); };
    return {.frame = part(o.frame_allocations), .pool = part(o.pool_allocations), .heap = part(o.heap_allocations)};
}

}  // namespace framealloc
