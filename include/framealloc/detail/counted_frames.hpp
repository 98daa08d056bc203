// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/detail/frame_journal.hpp>
#include <framealloc/detail/phase_log.hpp>
#include <framealloc/fault.hpp>
#include <framealloc/monotonic_clock.hpp>
#include <framealloc/policy.hpp>

namespace framealloc::inline v0_1::detail {

template <class P>
struct clock_of {
    using type = monotonic_clock;
};
template <class P>
    requires requires { typename P::clock; }
struct clock_of<P> {
    using type = typename P::clock;
};

/// What a thread has written down of its frames: the last ones, the phases, and what was refused since the frame before.
///
///   Cost      Two readings of the clock per frame, and a few hundred bytes written at its end. Nothing is allocated.
///   Threads   The owner's alone, but for a shared frame, which another thread ends when the owner is at rest.
template <class A>
class frame_journal<A, true> {
    using clock = typename clock_of<typename A::diagnostics>::type;
    static constexpr std::size_t in_flight = frames_in_flight_of<typename A::arena>;

public:
    static constexpr std::size_t room = 64;
    using phases_type = phase_log;

    void begin_frame() noexcept { begun_at_ = clock::nanoseconds(); }

    /// Writes the frame down. `f` has what the frame itself knows, `now` what the thread has counted up to its end.
    void end_frame(frame_stats const& f, phase_figures const& now) noexcept {
        frame_stats& written = ring_[written_++ % room];
        written = f;
        written.nanoseconds = now.nanoseconds - begun_at_;
        written.ended_at_nanoseconds = now.nanoseconds;
        written.refused = refused_;
        written.operations = now.operations;
        written.operations -= counted_before_;
        counted_before_ = now.operations;
        refused_ = {};
        of_thread_ += of_thread_ < room;
        left_open_ = phases.end_frame(now);
    }

    void refuse(fault_code why) noexcept {
        switch (why) {
            case fault_code::frame_not_open: ++refused_.frame_not_open; break;
            case fault_code::arena_exhausted: ++refused_.arena_exhausted; break;
            case fault_code::budget_exceeded:
            case fault_code::tag_budget_exceeded:
            case fault_code::frame_budget_exceeded: ++refused_.over_budget; break;
            case fault_code::impossible_size:
            case fault_code::impossible_alignment: ++refused_.impossible; break;
            default: ++refused_.out_of_memory;
        }
    }

    /// What was counted before is not the new thread's.
    void start_thread(operation_counts const& counted) noexcept {
        counted_before_ = counted;
        refused_ = {};
        of_thread_ = 0;
        phases.start_thread();
        promotions = {};
    }

    /// Of the present thread, the newest first; as many as there are and `into` holds.
    std::size_t copy_to(std::span<frame_stats> into) const noexcept {
        std::size_t const n = into.size() < of_thread_ ? into.size() : of_thread_;
        for (std::size_t i = 0; i < n; ++i) into[i] = ring_[(written_ - 1 - i) % room];
        return n;
    }
    [[nodiscard]] frame_summary summary() const noexcept {
        // An earlier thread's frame, too, may still have been in flight.
        bool const oldest_known = written_ >= in_flight;
        return {.frame = ring_[(written_ - 1) % room],
                .bytes_discarded = oldest_known ? ring_[(written_ - in_flight) % room].bytes_used : 0,
                .phases = phases.last(),
                .promotion = &promotions};
    }
    /// How many phases the end of the last frame had to leave; asked once.
    [[nodiscard]] unsigned take_left_open() noexcept {
        unsigned const n = left_open_;
        left_open_ = 0;
        return n;
    }
    [[nodiscard]] static unsigned long long now() noexcept { return clock::nanoseconds(); }

    phase_log phases{};
    promotion_record promotions{};

private:
    static_assert(in_flight <= room);

    frame_stats ring_[room]{};
    unsigned long long written_ = 0;  ///< by all threads that have had the record
    std::size_t of_thread_ = 0;       ///< of them by the present one, and still there
    unsigned long long begun_at_ = 0;
    operation_counts counted_before_{};
    refusal_counts refused_{};
    unsigned left_open_ = 0;
};

}  // namespace framealloc::detail
