// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace asteroids {

/// What a set of times looks like, in nanoseconds. A percentile is by nearest rank: a time that was measured, never one
/// in between.
struct percentiles {
    std::int64_t p50 = 0, p99 = 0, p999 = 0, max = 0;
};

[[nodiscard]] inline percentiles percentiles_of(std::vector<std::int64_t> times) {
    if (times.empty()) return {};
    std::sort(times.begin(), times.end());
    auto const at = [&](double share) {
        auto const rank = static_cast<std::size_t>(std::ceil(share * static_cast<double>(times.size())));
        return times[std::max<std::size_t>(rank, 1) - 1];
    };
    return {at(0.5), at(0.99), at(0.999), times.back()};
}

}  // namespace asteroids
