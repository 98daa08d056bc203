// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/frame_stats.hpp>
#include <framealloc/phase_stats.hpp>
#include <framealloc/promotion_counts.hpp>

#include <span>

namespace framealloc::inline v0_1 {

/// What `end_frame()` answers where operations are counted. All zero where there was no frame to end.
struct frame_summary {
    frame_stats frame;
    /// Bytes that went with the end: all that the frame used. Where an arena keeps frames in flight, those of the oldest.
    std::size_t bytes_discarded = 0;
    /// The frame's phases, in the thread's own record: good until the thread's next frame ends.
    std::span<phase_stats const> phases{};
    promotion_record const* promotion = nullptr;  ///< the thread's own record; see `promotions()`

    /// What was promoted out of the frame, discarded and refused: see promotion/. Good until the thread's next frame ends.
    [[nodiscard]] promotion_counts promotions() const noexcept {
        return promotion != nullptr && promotion->frame == frame.number ? promotion->counts : promotion_counts{};
    }
};

}  // namespace framealloc
