// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <cstddef>

namespace framealloc::inline v0_1 {

/// Why an object of a frame was not promoted.
enum class promotion_failure : unsigned char {
    none,            ///< it was, or nobody has tried
    not_promotable,  ///< null, no object of the thread's open frame, or not the whole of what was made (FA011)
    out_of_memory,   ///< its new home had no room (FA303, FA306)
    over_budget,     ///< a budget said no (FA301, FA302)
    group_not_live,  ///< the group is freed, or was never created (FA411)
    move_threw,      ///< its move constructor threw
};

/// Objects of a thread's frame that were to outlive it, by what became of them; an array is one. Each is counted once, in the
/// frame that was open or ending when that was decided: over all frames, what was retained is what was promoted at an end,
/// discarded or has failed there.
struct promotion_counts {
    unsigned long long to_pool = 0;
    unsigned long long to_heap = 0;
    unsigned long long to_group = 0;
    unsigned long long bytes_promoted = 0;  ///< their sizes, without what rounding adds

    /// Retained objects that went with the frame without a try: of `retention::discard`, without a handle, or taken back.
    unsigned long long discarded = 0;

    unsigned long long not_promotable = 0;  ///< and the next four: failed, by `promotion_failure`
    unsigned long long out_of_memory = 0;
    unsigned long long over_budget = 0;
    unsigned long long group_not_live = 0;
    unsigned long long moves_threw = 0;

    [[nodiscard]] unsigned long long promoted() const noexcept { return to_pool + to_heap + to_group; }
    [[nodiscard]] unsigned long long failed() const noexcept {
        return not_promotable + out_of_memory + over_budget + group_not_live + moves_threw;
    }
    friend bool operator==(promotion_counts const&, promotion_counts const&) noexcept = default;
};

/// The counts of one frame of a thread. They are written where something is promoted, and nowhere else: a frame's end neither
/// asks for them nor clears them.
struct promotion_record {
    unsigned long long frame = 0;  ///< which of the thread's frames they are of
    promotion_counts counts{};
};

}  // namespace framealloc
