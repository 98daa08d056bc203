// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/detail/core.hpp>
#include <framealloc/profiler.hpp>

namespace framealloc::inline v0_1 {

/// A named stretch of a thread's work, as an object: what the thread does while it lives is added to the figures of the
/// phase, which the frame's summary has. Phases nest; one of the same name in the same phase of the same frame goes on
/// where it stopped. What happens between two frames belongs to the later one.
///
/// It stays on the thread and in the block that made it, and ends inside the frame that it began in, or between the same
/// two frames: it can neither be copied nor moved, and leaving it elsewhere or out of order is reported (FA009), as is one
/// that a frame's end finds open, and leaves (FA010). The name is kept by its address until the next frame of the thread
/// has ended, as a string literal can be.
///
///   Cost      Two readings of the clock and of the thread's counts; O(phases of the frame), which are told apart by the
///             texts of their names. 64 per frame; those beyond are one phase, "(more)". Where operations are not counted
///             an empty object, and no instruction.
///   Threads   Each thread has its own.
///   Failure   A thread that has no state and cannot get one has no phases.
template <class A, bool Counts = A::diagnostics::counts_operations>
class [[nodiscard]] phase_scope {
    using phases = typename detail::frame_journal<A>::phases_type;

public:
    phase_scope(detail::core<A>& owner, char const* name) noexcept
        : profiler_(detail::installed_profiler.load(detail::order::acquire)), state_(owner.state()) {
        if (profiler_ != nullptr && profiler_->zone_begin != nullptr) profiler_->zone_begin(name, profiler_->context);
        if (state_ != nullptr) entry_ = state_->journal.phases.enter(name, state_->figures());
    }
    FRAMEALLOC_HOT ~phase_scope() { leave(detail::here<A>()); }
    phase_scope(phase_scope const&) = delete;
    phase_scope& operator=(phase_scope const&) = delete;

private:
    void leave([[maybe_unused]] detail::site_of<A> at) {
        bool in_order = true, on_its_thread = true;
        if (state_ != nullptr) {
            in_order = on_its_thread = state_->shared().state_if_any() == state_;
            if (on_its_thread) {
                auto const how = state_->journal.phases.leave(entry_, state_->figures());
                in_order = how != phases::left::out_of_order;
            }
        }
        if (profiler_ != nullptr && profiler_->zone_end != nullptr) profiler_->zone_end(profiler_->context);
        if (!in_order) {
            [[maybe_unused]] detail::called_at<A> const here{at};
            detail::report_misuse(
                state_->shared(), fault_code::phase_out_of_order,
                on_its_thread
                    ? "phase %llu of thread %llu was left while one that began later is open, or after its frame"
                    : "phase %llu of another thread was left on thread %llu",
                entry_.sequence, detail::core<A>::thread_number());
        }
    }

    profiler const* profiler_;
    detail::thread_state<A>* state_;
    typename phases::entry entry_{};
};
template <class A>
class [[nodiscard]] phase_scope<A, false> {
public:
    phase_scope(detail::core<A>&, char const*) noexcept {}
    ~phase_scope() {}  // not trivial, so that nobody is told of an unused variable
    phase_scope(phase_scope const&) = delete;
    phase_scope& operator=(phase_scope const&) = delete;
};

}  // namespace framealloc
