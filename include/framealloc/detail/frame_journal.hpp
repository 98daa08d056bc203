// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/frame_summary.hpp>

#include <type_traits>

namespace framealloc::inline v0_1::detail {

/// What a thread has written down of its frames, where operations are counted: see `counted_frames.hpp`, which comes with the
/// counters. Nothing elsewhere.
template <class A, bool Counts = A::diagnostics::counts_operations>
class frame_journal;
template <class A>
class frame_journal<A, false> {};

/// What ending a frame answers: nothing where nothing is written down.
template <class A>
using end_of_frame = std::conditional_t<A::diagnostics::counts_operations, frame_summary, void>;

}  // namespace framealloc::detail
