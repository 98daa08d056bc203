// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

namespace framealloc::inline v0_1 {

/// What becomes of a retained object when its part of the frame ends.
enum class retention : unsigned char {
    discard,  ///< it goes with the frame
    pool,     ///< it moves to the instance's pools
    heap,     ///< it moves to a heap block of the instance
    group,    ///< it moves to a group, which has to be said with it
};

/// The same by what the object is worth.
enum class importance : unsigned char {
    ephemeral,   ///< nothing, once the frame has ended
    reusable,    ///< a few frames: `retention::pool`
    persistent,  ///< it stays: `retention::heap`
};

[[nodiscard]] constexpr retention retention_for(importance worth) noexcept {
    return worth == importance::ephemeral  ? retention::discard
           : worth == importance::reusable ? retention::pool
                                           : retention::heap;
}

}  // namespace framealloc
