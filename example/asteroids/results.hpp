// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include "ledger.hpp"
#include "percentiles.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

namespace asteroids {

/// Allocations and bytes of one intent, the load included.
struct traffic {
    std::uint64_t allocations = 0;
    std::uint64_t bytes = 0;
};

/// What a program that plays one side alone saw of itself. Empty where the system does not tell.
struct residency {
    std::optional<std::size_t> before_first_frame;
    std::optional<std::size_t> peak;
};

/// What was found out about one side.
struct side_results {
    std::string name;
    std::array<traffic, 3> by_intent{};      ///< by `intent`
    percentiles allocator_time;              ///< per frame, after the warm-up
    std::int64_t slowest_warm_up_frame = 0;  ///< the same, in the warm-up
    percentiles frame_time;                  ///< the whole frame as played, after the warm-up
    residency resident;
    std::uint64_t backend_calls_in_all = 0;
    std::uint64_t backend_calls_after_warm_up = 0;
    std::uint64_t checksum = 0;
    std::uint64_t checksum_alone = 0;  ///< of the program that played this side alone
};

struct results {
    std::string level_file, level_title;
    std::size_t asteroids = 0;
    int bodies = 0;
    unsigned frames = 0, warm_up_frames = 0, workers = 0;
    side_results ours, theirs;
    percentiles loop_time;  ///< of the replay's loop with no allocator in it
    ledger accounts;
    bool has_budgets = false;  ///< then its game may be another one

    [[nodiscard]] bool same_simulation() const {
        return ours.checksum == theirs.checksum && ours.checksum_alone == ours.checksum &&
               theirs.checksum_alone == ours.checksum && (has_budgets || accounts.checksum == ours.checksum);
    }
    [[nodiscard]] bool quiet() const { return ours.backend_calls_after_warm_up == 0; }
    [[nodiscard]] bool passed() const { return same_simulation() && quiet() && accounts.balanced; }
};

}  // namespace asteroids
