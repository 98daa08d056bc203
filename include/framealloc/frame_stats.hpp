// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/policy.hpp>

#include <cstddef>

namespace framealloc::inline v0_1 {

/// Requests that were refused, by what stood in the way.
struct refusal_counts {
    unsigned long long frame_not_open = 0;   ///< a frame request outside a frame (FA001)
    unsigned long long arena_exhausted = 0;  ///< the arena has a bound, and no room (FA003)
    unsigned long long over_budget = 0;      ///< the budget said no (FA301)
    unsigned long long out_of_memory = 0;    ///< the backend had none, or gave what cannot be used (FA303, FA306)
    unsigned long long impossible = 0;       ///< a size or an alignment that nobody can honour (FA304, FA305)

    [[nodiscard]] unsigned long long total() const noexcept {
        return frame_not_open + arena_exhausted + over_budget + out_of_memory + impossible;
    }
    friend bool operator==(refusal_counts const&, refusal_counts const&) noexcept = default;
};

/// One finished frame of one thread. Bytes are what the frame held at its end: what was rolled back before is not among
/// them. Counts run from the end of the thread's frame before, so that nothing falls between two frames: over all frames
/// they add up to what the thread has done until its last frame's end.
///
/// `number` and `bytes_used` are known at every level of diagnostics; the rest where operations are counted, and is zero
/// elsewhere.
struct frame_stats {
    unsigned long long number = 0;                ///< among the thread's frames, from 1; 0: there was no frame
    std::size_t bytes_used = 0;                   ///< padding included
    std::size_t bytes_reserved = 0;               ///< in the chunks that the thread held for its frames
    std::size_t bytes_wasted = 0;                 ///< at the ends of chunks that the next request did not fit
    unsigned long long nanoseconds = 0;           ///< from begin to end, the destructors of its objects included
    unsigned long long ended_at_nanoseconds = 0;  ///< by the clock of the diagnostics policy
    unsigned long long objects_destroyed = 0;     ///< by the frame: at its end, at the ends of scopes, and rolled back
    refusal_counts refused{};
    operation_counts operations{};

    /// Bytes that frame requests asked for, of those reserved for them: 1 would be without any waste. More than 1 where
    /// memory was used again after a roll-back; 0 where nothing is reserved.
    [[nodiscard]] double efficiency() const noexcept {
        return bytes_reserved == 0
                   ? 0
                   : static_cast<double>(operations.frame_requested_bytes) / static_cast<double>(bytes_reserved);
    }
    friend bool operator==(frame_stats const&, frame_stats const&) noexcept = default;
};

}  // namespace framealloc
