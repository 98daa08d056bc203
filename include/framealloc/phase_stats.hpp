// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/policy.hpp>

namespace framealloc::inline v0_1 {

/// What happened on one thread between two moments.
struct phase_figures {
    /// By how much the thread's frame has grown: used bytes afterwards less used bytes before. What was rolled back
    /// meanwhile is not among them, and they are negative where more was rolled back than allocated.
    long long frame_bytes = 0;
    unsigned long long nanoseconds = 0;
    operation_counts operations{};

    phase_figures& operator+=(phase_figures const& other) noexcept {
        frame_bytes += other.frame_bytes;
        nanoseconds += other.nanoseconds;
        operations += other.operations;
        return *this;
    }
    phase_figures& operator-=(phase_figures const& other) noexcept {
        frame_bytes -= other.frame_bytes;
        nanoseconds -= other.nanoseconds;
        operations -= other.operations;
        return *this;
    }
    friend bool operator==(phase_figures const&, phase_figures const&) noexcept = default;
};

/// A phase of one frame of one thread, with all times that it was entered. In a list of phases each stands behind its
/// parent, in the order in which they were entered first.
struct phase_stats {
    static constexpr unsigned short no_parent = 0xFFFF;

    char const* name = "";              ///< as it was given, by address
    unsigned short parent = no_parent;  ///< the place in the list of the phase around it
    unsigned short depth = 0;           ///< how many phases are around it
    unsigned entries = 0;               ///< how often it was entered
    phase_figures total{};              ///< with the phases inside it
    phase_figures self{};               ///< without them

    /// Equal names by their text.
    friend bool operator==(phase_stats const& a, phase_stats const& b) noexcept {
        return __builtin_strcmp(a.name, b.name) == 0 && a.parent == b.parent && a.depth == b.depth &&
               a.entries == b.entries && a.total == b.total && a.self == b.self;
    }
};

}  // namespace framealloc
