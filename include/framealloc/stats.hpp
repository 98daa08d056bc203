// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/policy.hpp>

#include <cstddef>

namespace framealloc::inline v0_1 {

/// What an instance holds at a moment. Exact when its threads are at rest; a consistent guess while they run. Sizes are
/// bytes unless the name says otherwise.
struct alloc_stats {
    // frames
    std::size_t frame_bytes_used = 0;      ///< in open frames, padding included
    std::size_t frame_bytes_reserved = 0;  ///< in chunks that threads hold
    std::size_t frame_bytes_wasted = 0;    ///< in open frames, at the ends of chunks that the next request did not fit
    std::size_t frame_bytes_last = 0;      ///< used in the last finished frame of each thread, summed
    std::size_t frame_bytes_peak = 0;      ///< the largest finished frame of each thread, summed
    unsigned long long frames_begun = 0;   ///< by all threads
    unsigned long long frame_bytes_total = 0;  ///< used in all finished frames

    // pools
    std::size_t pool_blocks_live = 0;     ///< held by the program
    std::size_t pool_bytes_live = 0;      ///< in those blocks, rounded to their classes
    std::size_t pool_bytes_cached = 0;    ///< free, in magazines and depots
    std::size_t pool_bytes_reserved = 0;  ///< in slabs that have memory
    /// The most bytes, by classes, that have been out of their slabs at a time: live or cached. Never below the most that
    /// was live, and above it by at most what magazines, reserves and depots held then.
    std::size_t pool_bytes_out_peak = 0;

    // heap
    std::size_t heap_blocks_live = 0;
    std::size_t heap_bytes_live = 0;       ///< as requested
    std::size_t heap_bytes_live_peak = 0;  ///< the most that this has been
    std::size_t heap_bytes_cached = 0;     ///< freed, kept for reuse

    // the whole
    std::size_t backend_bytes = 0;       ///< taken from the backend and not given back
    std::size_t backend_bytes_peak = 0;  ///< the most that this has been
    std::size_t backend_calls = 0;       ///< since the beginning
    std::size_t threads = 0;             ///< that have state now

    /// Counted from `diagnostics::counters` up; zero below.
    operation_counts operations{};

    /// Bytes that the program holds: of frames and pools with their rounding, of the heap as requested.
    [[nodiscard]] std::size_t live_bytes() const noexcept {
        return frame_bytes_used + pool_bytes_live + heap_bytes_live;
    }
    /// Bytes taken from the backend that the program does not hold: rounding of heap blocks, records, what is kept ready.
    [[nodiscard]] std::size_t waste_bytes() const noexcept {
        return backend_bytes > live_bytes() ? backend_bytes - live_bytes() : 0;
    }
    /// The part of the bytes taken from the backend that the program holds; 0 where none are taken.
    [[nodiscard]] double efficiency() const noexcept {
        return backend_bytes == 0 ? 0 : static_cast<double>(live_bytes()) / static_cast<double>(backend_bytes);
    }

    /// The figures of two instances together. A thread that has state with both counts twice; peaks add up to the most
    /// that both together can have had.
    alloc_stats& operator+=(alloc_stats const& other) noexcept {
        frame_bytes_used += other.frame_bytes_used;
        frame_bytes_reserved += other.frame_bytes_reserved;
        frame_bytes_wasted += other.frame_bytes_wasted;
        frame_bytes_last += other.frame_bytes_last;
        frame_bytes_peak += other.frame_bytes_peak;
        frames_begun += other.frames_begun;
        frame_bytes_total += other.frame_bytes_total;
        pool_blocks_live += other.pool_blocks_live;
        pool_bytes_live += other.pool_bytes_live;
        pool_bytes_cached += other.pool_bytes_cached;
        pool_bytes_reserved += other.pool_bytes_reserved;
        pool_bytes_out_peak += other.pool_bytes_out_peak;
        heap_blocks_live += other.heap_blocks_live;
        heap_bytes_live += other.heap_bytes_live;
        heap_bytes_live_peak += other.heap_bytes_live_peak;
        heap_bytes_cached += other.heap_bytes_cached;
        backend_bytes += other.backend_bytes;
        backend_bytes_peak += other.backend_bytes_peak;
        backend_calls += other.backend_calls;
        threads += other.threads;
        operations += other.operations;
        return *this;
    }
    friend bool operator==(alloc_stats const&, alloc_stats const&) noexcept = default;
};

}  // namespace framealloc
