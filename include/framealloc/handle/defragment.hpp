// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>

namespace framealloc::inline v0_1 {

/// How much one call of `defragment` may do. By default all there is to do.
///
///     heap.defragment(std::chrono::microseconds{200});   // a frame's share
///     heap.defragment({.bytes = 1_MiB});                  // so much is moved at most
struct defragment_budget {
    /// From the call to its return. One step more is taken only while the longest one of late would fit; a single move of an
    /// object, or a single call of the system, is not interrupted.
    unsigned long long nanoseconds = UINT64_MAX;
    /// Of objects that are moved.
    std::size_t bytes = SIZE_MAX;
};

/// What one call of `defragment` has done.
struct defragment_result {
    std::size_t moves = 0;
    std::size_t bytes_moved = 0;
    std::size_t pages_given_back = 0;  ///< of the system's size
    std::size_t bytes_given_back = 0;
    std::size_t kept_by_pins = 0;  ///< objects that were to be moved, and were pinned or used meanwhile
    std::size_t failed = 0;        ///< moves that threw, or had nowhere to go: those objects are as before
    /// Of the bytes in slabs that take memory, the share that no live object has.
    double fragmentation_before = 0;
    double fragmentation_after = 0;
    bool finished = false;  ///< there was nothing left to do
    bool busy = false;      ///< nothing was done: another call is under way
};

}  // namespace framealloc
