// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include "level.hpp"
#include "picture.hpp"
#include "results.hpp"

namespace asteroids {

/// Plays the level with both memory policies in this process: frame k of one, then frame k of the other, the first to
/// go changing from frame to frame, so that whatever else the machine does hits both. Fills in `found`, and `last` with
/// the last frame where there is one to fill.
///
/// Allocator time: after each frame its requests are replayed three times to the memory that the side plays with, the
/// sides in turn, and the median of the three counts, so that one interruption by the system is not taken for the
/// allocator's doing.
void play_duel(level const& of, unsigned frames, results& found, picture* last);

}  // namespace asteroids
