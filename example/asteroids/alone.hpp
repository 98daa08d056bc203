// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include "level.hpp"
#include "options.hpp"
#include "results.hpp"

#include <string>

// Resident memory belongs to a process, not to an allocator. So each side plays the same frames once more in a process
// of its own, alone and without notes, and that process's peak is the side's. Box2D's part of it is the same for both.

namespace asteroids {

struct alone_results {
    residency resident;
    std::uint64_t checksum = 0;
};

/// Plays one side in this process.
[[nodiscard]] alone_results play_alone(std::string const& side, level const& of, unsigned frames);

/// What `--only` prints, as one line of JSON.
[[nodiscard]] std::string to_line(alone_results const& r);

/// Starts this program anew with `--only side` and reads its line. Throws `std::runtime_error` where that fails.
[[nodiscard]] alone_results run_alone(std::string const& side, options const& chosen);

}  // namespace asteroids
