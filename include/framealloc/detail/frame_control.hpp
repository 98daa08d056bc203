// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/detail/refusals.hpp>
#include <framealloc/detail/thread_state.hpp>

namespace framealloc::inline v0_1::detail {

/// What opens, ends and rewinds the frames of an instance's threads. The part of `core` that frames, scopes and
/// checkpoints stand on.
template <class A>
class frame_control {
    using sync = typename A::sync;
    using state_type = thread_state<A>;
    template <class T>
    using shared_value = typename sync::template atomic<T>;
    static constexpr bool has_pools = A::pool::class_count != 0;
    static constexpr bool counts = A::diagnostics::counts_operations;

public:
    [[nodiscard]] bool begin_frame(state_type& s) {
        if (s.frame.kind() != frame_kind::closed) [[unlikely]] {
            report_misuse(self(), fault_code::frame_already_open, "frame %llu of thread %llu is open", s.frame.number(),
                          core<A>::thread_number());
            return false;
        }
        s.open_frame(frame_kind::own);
        if constexpr (has_pools && returns_to_owner<sync>) s.pools.collect(self().pool_part());
        return true;
    }

    end_of_frame<A> end_frame(state_type* s, [[maybe_unused]] site_of<A> at = {}) {
        [[maybe_unused]] called_at<A> const here{at};
        if (s == nullptr || s->frame.kind() != frame_kind::own ||
            (s->frame.marks() != nullptr && s->frame.has_open_scope())) [[unlikely]] {
            no_frame_to_end(s);
            return end_of_frame<A>();
        }
        auto source = self().chunks();
        if constexpr (keeps_records<A>) s->frame.epochs().ends_at(at);
        s->finish_frame(source);
        s->frame.close();
        s->frame.records().report_damage(self());
        if (s->trims_followed != self().trims()) [[unlikely]]
            s->follow_trim();
        report_open_phases(*s);
        if constexpr (counts) return s->journal.summary();
    }

    void begin_frame_all() {
        if constexpr (!sync::one_thread) thread_registry::enroll(self());
        unsigned long long closed = 0;
        unsigned long long const number = last_shared_.load(order::relaxed) + 1;
        // release: what the caller prepared for the frame is there for a thread that joins it.
        if (!open_shared_.compare_exchange(closed, number, order::release, order::relaxed)) {
            return report_misuse(self(), fault_code::frame_already_open,
                                 "the frame of all threads, number %llu, is open", closed);
        }
        last_shared_.store(number, order::relaxed);
    }

    void end_frame_all([[maybe_unused]] site_of<A> at = {}) {
        [[maybe_unused]] called_at<A> const here{at};
        if (open_shared_.exchange(0, order::acq_rel) == 0) {
            return report_misuse(self(), fault_code::frame_not_begun, "no frame of all threads is open; %llu have been",
                                 last_shared_.load(order::relaxed));
        }
        // acquire: pairs with join; what the threads did since, the caller's sync point has ordered.
        state_type* s = joined_.exchange(nullptr, order::acquire);
        [[maybe_unused]] unsigned open_phases = 0;
        while (s != nullptr) {
            state_type* const next = s->next_joined;
            auto source = self().chunks();
            if constexpr (keeps_records<A>) s->frame.epochs().ends_at(at);
            s->finish_frame(source);
            if constexpr (counts) open_phases += s->journal.take_left_open();
            [[maybe_unused]] fault damage;
            [[maybe_unused]] bool damaged = false;
            if constexpr (keeps_records<A>) damaged = s->frame.records().take_damage(damage);
            if constexpr (sync::one_thread) {
                s->frame.close();
            } else {
                thread_registry::shared_frame_ended(*s, [&] { s->frame.close(); });
            }
            if constexpr (keeps_records<A>) {
                if (damaged) with_place(self(), damage);
            }
            s = next;
        }
        if constexpr (counts) report_open_phases(open_phases);
    }

    /// Lets a thread without a frame of its own into the frame of all. False where none is open.
    [[nodiscard]] bool join(state_type& s) noexcept {
        if (open_shared_.load(order::acquire) == 0) return false;
        s.open_frame(frame_kind::shared);
        s.next_joined = joined_.load(order::relaxed);
        while (!joined_.compare_exchange(s.next_joined, &s, order::release, order::relaxed)) {}
        return true;
    }

    // --- checkpoints and scopes ---------------------------------------------------------------------------------------

    [[nodiscard]] checkpoint make_checkpoint(state_type& s, bool may_throw) {
        frame_position const before = s.frame.position(s.window);
        auto const records = s.frame.records().newest();
        layout const request = layout::of<frame_mark>();
        void* const p = may_throw ? s.frame_alloc(request) : s.try_frame_alloc(request);
        if (p == nullptr) return {};
        auto* const mark = ::new (p) frame_mark{};
        // From before the mark itself was allocated, so that rolling back takes it back as well.
        s.frame.push_mark_at(*mark, before, records, false);
        return {&s, mark, mark->sequence};
    }

    /// Whether `mark` may be rolled back by the thread whose state is `s`; reports what is wrong otherwise.
    [[nodiscard]] bool may_roll_back(state_type* s, checkpoint const& c) {
        if (c && c.thread() != s) {
            report_misuse(self(), fault_code::frame_of_another_thread,
                          "checkpoint %llu was taken by another thread than %llu", c.sequence(),
                          core<A>::thread_number());
        } else if (!c || s->frame.kind() <= frame_kind::ending || !s->frame.is_live(c.mark(), c.sequence())) {
            report_misuse(self(), fault_code::checkpoint_not_live,
                          "checkpoint %llu is dead: empty or rolled back already, or its frame or scope has ended, "
                          "or a later scope "
                          "is open",
                          c.sequence());
        } else {
            return true;
        }
        return false;
    }

    bool roll_back(state_type* s, checkpoint const& c, [[maybe_unused]] site_of<A> at = {}) {
        [[maybe_unused]] called_at<A> const here{at};
        if (!may_roll_back(s, c)) return false;
        auto source = self().chunks();
        if constexpr (keeps_records<A>) s->frame.epochs().ends_at(at);
        s->frame.template rewind<frame_kind::undoing>(s->window, *c.mark(), source);
        s->frame.records().report_damage(self());
        return true;
    }
    bool commit(state_type* s, checkpoint const& c) {
        if (!may_roll_back(s, c)) return false;
        s->frame.commit(*c.mark());
        return true;
    }

    /// What a scope has to remember.
    struct entered_scope {
        state_type* state;
        frame_mark* mark;
        unsigned long long sequence;
        bool opened_frame;
    };
    /// Throws where the thread has no state and cannot get one, and where many scopes are open already and the frame has
    /// no room for one more mark.
    [[nodiscard]] entered_scope enter_scope() {
        state_type& s = self().state_or_throw();
        bool const opens = s.frame.kind() == frame_kind::closed && !join(s);
        if (opens) static_cast<void>(begin_frame(s));
        frame_position const before = s.frame.position(s.window);
        auto const records = s.frame.records().newest();
        frame_mark* mark = s.frame.place_for_scope();
        if (mark == nullptr) {
            struct ends_frame {
                frame_control& owner;
                state_type* state;
                ~ends_frame() {
                    if (state != nullptr) owner.end_frame(state);
                }
            } unless_there_is_room{*this, opens ? &s : nullptr};
            mark = ::new (s.frame_alloc(layout::of<frame_mark>())) frame_mark{};
            unless_there_is_room.state = nullptr;
        }
        s.frame.push_mark_at(*mark, before, records, true);
        return {&s, mark, mark->sequence, opens};
    }

    void leave_scope(state_type& s, frame_mark* mark, unsigned long long sequence, bool opened_frame,
                     [[maybe_unused]] site_of<A> at = {}) {
        [[maybe_unused]] called_at<A> const here{at};
        if (self().state_if_any() != &s) {
            s.frame.forget(mark, sequence);
            report_misuse(self(), fault_code::frame_of_another_thread,
                          "a frame_scope() was left on thread %llu, not on its own", core<A>::thread_number());
        } else if (s.frame.kind() == frame_kind::closed || !s.frame.is_live(mark, sequence)) {
            // What was allocated in it stays until the frame or a scope around it ends.
            s.frame.forget(mark, sequence);
            report_misuse(self(), fault_code::checkpoint_not_live,
                          "scope %llu was left after its frame or a scope around it", sequence);
        } else {
            auto source = self().chunks();
            if constexpr (keeps_records<A>) s.frame.epochs().ends_at(at);
            if (opened_frame) {
                s.finish_frame(source);
                s.frame.close();
                report_open_phases(s);
            } else {
                s.frame.rewind(s.window, *mark, source);
            }
        }
        s.frame.vacate(mark);
        s.frame.records().report_damage(self());
    }

    /// Reports what the end of the thread's last frame has found open.
    void report_open_phases([[maybe_unused]] state_type& s) {
        if constexpr (counts) report_open_phases(s.journal.take_left_open());
    }

private:
    void report_open_phases(unsigned open) {
        if (open == 0) [[likely]]
            return;
        report_misuse(self(), fault_code::phase_left_open,
                      "%llu were open, and end with the frame; thread %llu ended it", open, core<A>::thread_number());
    }
    FRAMEALLOC_COLD void no_frame_to_end(state_type* s) {
        if (s != nullptr && s->frame.kind() == frame_kind::shared) {
            return report_misuse(self(), fault_code::frame_not_begun,
                                 "thread %llu is in the frame of all threads, which end_frame_all() ends",
                                 core<A>::thread_number());
        }
        if (s != nullptr && s->frame.kind() != frame_kind::closed) {
            return report_misuse(self(), fault_code::frame_not_begun,
                                 "a frame_scope() is still open in frame %llu, or it is ending", s->frame.number());
        }
        report_misuse(self(), fault_code::frame_not_begun, "no frame is open on thread %llu", core<A>::thread_number());
    }

    [[nodiscard]] core<A>& self() noexcept { return static_cast<core<A>&>(*this); }

    shared_value<unsigned long long> open_shared_{0};  // number of the frame of all threads, 0 between frames
    shared_value<unsigned long long> last_shared_{0};
    shared_value<state_type*> joined_{nullptr};
};

}  // namespace framealloc::detail
