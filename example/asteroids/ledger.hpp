// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include "level.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

// Who uses the memory: the game once more, over framealloc with a budget for each of its systems.

namespace asteroids {

/// What `--budget` asks for: a system's bytes.
struct budget_wish {
    std::string system;
    std::size_t bytes = 0;
};

/// One system's memory, in bytes, as the last frame ended, and what it was refused.
struct account_row {
    std::string path;
    std::size_t frame_bytes = 0, pool_bytes = 0, heap_bytes = 0;
    std::size_t total_bytes = 0;  ///< with the systems beneath
    std::size_t peak_bytes = 0;
    std::optional<std::size_t> limit_bytes;
};

struct ledger {
    std::vector<account_row> rows;
    std::uint64_t refused_findings = 0;  ///< contacts and sweeps of the radar that there was no memory for
    std::uint64_t checksum = 0;
    bool balanced = false;  ///< what the backend has given is what the systems have and the allocator's own
};

/// Plays the game with these budgets. Throws `framealloc::allocation_failure` where a system cannot do without what it is
/// refused.
[[nodiscard]] ledger play_with_budgets(level const& of, unsigned frames, std::span<budget_wish const> wishes);

}  // namespace asteroids
