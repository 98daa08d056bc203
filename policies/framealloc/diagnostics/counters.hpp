// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/operation_counters.hpp>
#include <framealloc/policy.hpp>

namespace framealloc::inline v0_1::diagnostics {

/// Diagnostics: counts operations and requested bytes, per thread.
///
/// Choose it to know what a program does with its memory, in release builds too. It checks no more than `none`.
///
///   Cost      Two unlocked additions per allocation on x86-64, one per free; 64 bytes per thread.
///   Threads   The owner counts, any thread reads; sums are exact when the threads are at rest.
///   Failure   As `none`.
///   Lifetime  A thread's counts are added to the instance's when it ends.
struct counters {
    using family = diagnostics_family;

    static constexpr bool counts_operations = true;
    static constexpr bool checks_blocks = false;
    static constexpr bool fills_released = false;
    static constexpr bool stops_on_misuse = false;

    using thread_part = operation_counters;
};

}  // namespace framealloc::diagnostics
