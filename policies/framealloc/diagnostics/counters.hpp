// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/monotonic_clock.hpp>
#include <framealloc/operation_counters.hpp>
#include <framealloc/policy.hpp>

namespace framealloc::inline v0_1::diagnostics {

/// Diagnostics: counts operations and requested bytes, per thread, and keeps what each frame and each phase took: its bytes,
/// its counts, and its time by `Clock`.
///
/// Choose it to know what a program does with its memory, in release builds too. It checks no more than `none`.
///
///   Cost      Two unlocked additions per allocation on x86-64, one per free; two readings of the clock and some 400 bytes
///             copied per frame; 34 KiB per thread, for 64 frames and two times 64 phases.
///   Threads   The owner counts, any thread reads; sums are exact when the threads are at rest.
///   Failure   As `none`. A phase that is left out of order, or outlives its frame, is reported (FA009, FA010).
///   Lifetime  A thread's counts are added to the instance's when it ends; its frames and phases go with it.
template <class Clock = monotonic_clock>
struct basic_counters {
    using family = diagnostics_family;
    using clock = Clock;

    static constexpr bool counts_operations = true;
    static constexpr bool checks_blocks = false;
    static constexpr bool fills_released = false;
    static constexpr bool stops_on_misuse = false;

    using thread_part = operation_counters;
};

/// The same by the system's clock.
struct counters : basic_counters<> {};

}  // namespace framealloc::diagnostics
