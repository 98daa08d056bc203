// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/policy.hpp>

#include <cstddef>

namespace framealloc::inline v0_1 {

/// One thread's part of an instance's statistics. A thread that comes takes over the record of one that has ended, so a
/// row may be the sum of several threads that did not live at the same time, and no figure is lost when a thread ends.
struct thread_stats {
    unsigned long long number = 0;  ///< 1, 2, 3, ... in the order of first use in the process; 0: it has ended
    unsigned long long frames_begun = 0;
    std::size_t frame_bytes_used = 0;          ///< in the open frame, padding included
    std::size_t frame_bytes_last = 0;          ///< in the last finished one
    std::size_t frame_bytes_peak = 0;          ///< in the largest finished one
    unsigned long long frame_bytes_total = 0;  ///< in all finished ones
    operation_counts operations{};             ///< counted from `diagnostics::counters` up; zero below

    [[nodiscard]] bool is_live() const noexcept { return number != 0; }
    friend bool operator==(thread_stats const&, thread_stats const&) noexcept = default;
};

}  // namespace framealloc
