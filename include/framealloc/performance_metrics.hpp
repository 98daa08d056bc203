// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/frame_stats.hpp>
#include <framealloc/intent_shares.hpp>

#include <cstdint>
#include <span>

namespace framealloc::inline v0_1 {

/// What the frames in a window have taken. All zero where there was no frame.
struct performance_report {
    unsigned long long frames = 0;
    unsigned long long span_nanoseconds = 0;  ///< from the begin of the oldest frame to the end of the newest
    double average_nanoseconds = 0;           ///< of a frame, as the next three
    unsigned long long p50_nanoseconds = 0;
    unsigned long long p99_nanoseconds = 0;
    unsigned long long max_nanoseconds = 0;
    double average_allocations = 0;      ///< per frame, of all intents
    double average_bytes_requested = 0;  ///< per frame, of all intents
    double average_bytes_used = 0;       ///< of the frame arena, padding included
    std::size_t bytes_used_peak = 0;     ///< in the frame that used most
    /// Bytes that frame requests asked for, of those that were reserved for frames, over all frames of the window.
    double efficiency = 0;
    intent_shares shares{};  ///< of the allocations

    friend bool operator==(performance_report const&, performance_report const&) noexcept = default;
};

/// Which frames count: those that are inside both bounds, seen from the newest.
struct performance_window {
    unsigned long long nanoseconds = 60'000'000'000;  ///< frames that ended less than this before the newest did
    std::size_t frames = SIZE_MAX;                    ///< at most so many
};

/// Figures of a thread's latest frames: of the last minute, or of so many frames, for a meter on the screen or a log.
///
///     auto const room = alloc.heap_array<performance_metrics::sample>(144 * 60);
///     performance_metrics metrics{room};
///     ...
///     metrics.record(alloc.end_frame().frame);
///
///   Cost      `record` is O(1), 72 bytes; `report` O(frames in the window), ten times through them. Neither allocates.
///   Threads   One at a time; of one thread's frames, in their order.
///   Failure   Where the room is smaller than the window, the newest frames that fit it count, as
///             `performance_report::span_nanoseconds` shows. Without room every report is empty.
///   Lifetime  The room is the caller's, and outlives the object.
///
/// Percentiles are by nearest rank: p99 is the shortest time that at least 99 of 100 frames did not exceed.
class performance_metrics {
public:
    /// What is kept of a frame.
    struct sample {
        unsigned long long ended_at_nanoseconds = 0;
        unsigned long long nanoseconds = 0;
        unsigned long long frame_allocations = 0;
        unsigned long long pool_allocations = 0;
        unsigned long long heap_allocations = 0;
        unsigned long long frame_requested_bytes = 0;
        unsigned long long bytes_requested = 0;
        std::size_t bytes_used = 0;
        std::size_t bytes_reserved = 0;
    };

    explicit performance_metrics(std::span<sample> room, performance_window window = {}) noexcept
        : room_(room), window_(window) {}

    /// Takes a finished frame in. One with the number 0 is none.
    void record(frame_stats const& f) noexcept {
        if (f.number == 0 || room_.empty()) return;
        operation_counts const& o = f.operations;
        room_[recorded_++ % room_.size()] = {
            .ended_at_nanoseconds = f.ended_at_nanoseconds,
            .nanoseconds = f.nanoseconds,
            .frame_allocations = o.frame_allocations,
            .pool_allocations = o.pool_allocations,
            .heap_allocations = o.heap_allocations,
            .frame_requested_bytes = o.frame_requested_bytes,
            .bytes_requested = o.frame_requested_bytes + o.pool_requested_bytes + o.heap_requested_bytes,
            .bytes_used = f.bytes_used,
            .bytes_reserved = f.bytes_reserved};
    }

    /// The frames in the window, as they are now.
    [[nodiscard]] performance_report report() const noexcept {
        std::size_t const n = frames_in_window();
        if (n == 0) return {};
        performance_report r;
        operation_counts calls;
        double nanoseconds = 0, requested = 0, used = 0, of_frames = 0, reserved = 0;
        for (std::size_t i = 0; i < n; ++i) {
            sample const& s = newest(i);
            calls.frame_allocations += s.frame_allocations;
            calls.pool_allocations += s.pool_allocations;
            calls.heap_allocations += s.heap_allocations;
            nanoseconds += static_cast<double>(s.nanoseconds);
            requested += static_cast<double>(s.bytes_requested);
            used += static_cast<double>(s.bytes_used);
            of_frames += static_cast<double>(s.frame_requested_bytes);
            reserved += static_cast<double>(s.bytes_reserved);
            if (r.bytes_used_peak < s.bytes_used) r.bytes_used_peak = s.bytes_used;
        }
        auto const frames = static_cast<double>(n);
        sample const& oldest = newest(n - 1);
        r.frames = n;
        r.span_nanoseconds = newest(0).ended_at_nanoseconds - (oldest.ended_at_nanoseconds - oldest.nanoseconds);
        r.average_nanoseconds = nanoseconds / frames;
        r.p50_nanoseconds = time_of_rank((n + 1) / 2, n);
        r.p99_nanoseconds = time_of_rank(n - n / 100, n);
        r.max_nanoseconds = time_of_rank(n, n);
        r.average_allocations =
            static_cast<double>(calls.frame_allocations + calls.pool_allocations + calls.heap_allocations) / frames;
        r.average_bytes_requested = requested / frames;
        r.average_bytes_used = used / frames;
        r.efficiency = reserved == 0 ? 0 : of_frames / reserved;
        r.shares = shares_of(calls);
        return r;
    }

private:
    /// The i-th newest frame.
    [[nodiscard]] sample const& newest(std::size_t i) const noexcept {
        return room_[static_cast<std::size_t>((recorded_ - 1 - i) % room_.size())];
    }
    [[nodiscard]] std::size_t frames_in_window() const noexcept {
        std::size_t most = recorded_ < room_.size() ? static_cast<std::size_t>(recorded_) : room_.size();
        if (most > window_.frames) most = window_.frames;
        std::size_t n = 0;
        while (n < most && newest(0).ended_at_nanoseconds - newest(n).ended_at_nanoseconds < window_.nanoseconds) ++n;
        return n;
    }

    /// The time with the rank `rank`, from 1, among the `n` newest frames: found byte by byte, from the highest down, so that
    /// no memory is wanted to sort in.
    [[nodiscard]] unsigned long long time_of_rank(std::size_t rank, std::size_t n) const noexcept {
        unsigned long long found = 0, known = 0;
        for (int shift = 56; shift >= 0; shift -= 8) {
            std::size_t count[256]{};
            for (std::size_t i = 0; i < n; ++i) {
                unsigned long long const t = newest(i).nanoseconds;
                if ((t & known) == found) ++count[t >> shift & 0xFF];
            }
            unsigned long long byte = 0;
            while (rank > count[byte]) rank -= count[byte++];
            found |= byte << shift;
            known |= 0xFFull << shift;
        }
        return found;
    }

    std::span<sample> room_;
    performance_window window_;
    unsigned long long recorded_ = 0;
};

}  // namespace framealloc
