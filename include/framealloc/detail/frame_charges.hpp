// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/detail/budget_node.hpp>
#include <framealloc/detail/tag_journal.hpp>

namespace framealloc::inline v0_1::detail {

/// What one thread's frame is charged for, by tag. No request is counted: bytes are differences of the cursor, taken where
/// the tag changes, where the window does, and at the end of the frame.
///
/// The window's limit is lowered to what the tag has credit for, and what the thread's frame may use: so the comparison
/// that each request makes anyway holds the budget, and only who meets the limit comes here. What works on the window
/// otherwise lifts the limit first and lowers it again.
///
///     chunk   [ used . . . . . | cursor . . . . | limit . . . . . . . . . . . ]  real_limit_
///                  segment_at_ ^                ^ credit of the tag ends
///
///   Cost      A switch: 14 instructions; 20 more while something may be rolled back to. The end of a frame: O(tags used).
///   Threads   The owner's, and for a shared frame who ends it, while the owner is at rest. `unspent` may be asked by others.
///   Failure   A switch that finds no room in the journal leaves the frame's bytes with the tag before.
///   Invariant spent + credit of a tag, over all threads, is what its node has been charged for frames.
template <class A>
class frame_charges {
    using budget_type = typename A::budget;
    static constexpr std::size_t frame_count = frames_in_flight_of<typename A::arena>;

public:
    [[nodiscard]] tag_id tag() const noexcept { return tag_; }
    /// Another thread takes over, between frames.
    void start_thread() noexcept {
        tag_ = root_tag;
        has_own_limits_ = false;
    }

    // --- the frame's life ---------------------------------------------------------------------------------------------

    /// The engine has opened the window.
    void opened(frame_window& window, budget_type& budget) noexcept {
        limit_pair const& usual = budget.frame_budget();
        limits_ = has_own_limits_ ? own_limits_ : usual.limits();
        refused_ = false;
        stop_at(limits_.soft < limits_.hard ? limits_.soft : limits_.hard, 0);
        began(window);
        lower(window);
    }
    /// The frame is about to be reset; the window is the engine's again afterwards. What the oldest frame was charged goes back,
    /// but for credit that the next one is likely to want.
    FRAMEALLOC_COLD void ending(frame_window& window, chunk_source<A>& source) noexcept {
        lift(window);
        spend_segment(window);
        journal_.clear(source);
        one_frame& ended = frames_[at_];
        at_ = (at_ + 1) % frame_count;
        one_frame& oldest = frames_[at_];
        budget_type& budget = source.budget();
        for (std::size_t i = 0; i < oldest.touched_count; ++i) {
            tag_id const t = oldest.touched[i];
            std::size_t const spent = oldest.spent[t];
            oldest.spent[t] = 0;
            add_credit(t, spent);
            return_credit(t, spent, budget);
        }
        if (&ended != &oldest) {
            for (std::size_t i = 0; i < ended.touched_count; ++i) return_credit(ended.touched[i], 0, budget);
        }
        oldest.touched_count = 0;
        segment_at_.store(0, order::relaxed);
        real_limit_ = 0;
    }
    /// No frame is alive any more.
    FRAMEALLOC_COLD void release(chunk_source<A>& source) noexcept {
        for (one_frame& f : frames_) {
            for (std::size_t i = 0; i < f.touched_count; ++i) {
                tag_id const t = f.touched[i];
                add_credit(t, f.spent[t]);
                f.spent[t] = 0;
            }
            f.touched_count = 0;
        }
        frame_window closed;
        static_cast<void>(give_back_credit(closed, source.budget()));
        journal_.release(source);
    }

    // --- switches -----------------------------------------------------------------------------------------------------

    /// What is allocated from now on is for `to`. `watched` says that something may be rolled back to; then false means that
    /// nothing has been done yet, and `switch_watched` is to do it.
    [[nodiscard]] FRAMEALLOC_HOT bool switch_to(frame_window& window, tag_id to, bool watched) noexcept {
        std::uintptr_t const cursor = window.at();
        if (std::size_t const bytes = cursor - segment_at_.load(order::relaxed); bytes != 0) {
            if (watched) [[unlikely]]
                return false;
            spend(tag_, bytes);
            segment_at_.store(cursor, order::relaxed);
        }
        tag_ = to;
        set_limit(window, cursor);
        return true;
    }
    FRAMEALLOC_COLD void switch_watched(frame_window& window, tag_id to, chunk_source<A>& source) noexcept {
        if (!journal_.make_room(source)) return;
        close_segment(window, true);
        tag_ = to;
        set_limit(window, window.at());
    }

    // --- slow paths ---------------------------------------------------------------------------------------------------

    /// The window as the engine knows it.
    void lift(frame_window& window) noexcept { window.limit = real_limit_; }
    /// The engine has done something with it.
    void lower(frame_window& window) noexcept {
        real_limit_ = window.limit;
        set_limit(window, window.at());
    }

    /// The credit, or what the thread may use, has changed.
    void lower_again(frame_window& window) noexcept { set_limit(window, window.at()); }
    [[nodiscard]] std::size_t room_in_chunk(frame_window const& window) const noexcept {
        return real_limit_ - window.at();
    }

    /// Accounts for what was served since the last time. With `watched`, false where there is no room to write it down.
    [[nodiscard]] bool settle(frame_window& window, bool watched, chunk_source<A>& source) noexcept {
        if (watched && !journal_.make_room(source)) return false;
        close_segment(window, watched);
        return true;
    }
    /// `bytes` that the engine has just served, the segment closed before; there is credit, and room in the journal.
    void served(frame_window& window, std::size_t bytes, bool watched) noexcept {
        if (watched) journal_.add(tag_, bytes);
        spend(tag_, bytes);
        segment_at_.store(window.at(), order::relaxed);
        lower(window);
    }
    /// Bytes since the last segment was closed.
    [[nodiscard]] std::size_t open_bytes(frame_window const& window) const noexcept {
        return window.at() - segment_at_.load(order::relaxed);
    }
    /// The engine has rewound over `bytes`, of which the newest `open` were in no closed segment.
    void rewound(frame_window& window, std::size_t bytes, std::size_t open, chunk_source<A>& source) noexcept {
        if (bytes > open) {
            one_frame& f = frames_[at_];
            journal_.take_back(bytes - open, source, [&](tag_id t, std::size_t n) {
                f.spent[t] -= n;
                add_credit(t, n);
            });
            left_ += bytes - open;
            began(window);
        }
        lower(window);
    }
    /// Whether the newest bytes down to `end` were all allocated under the present tag.
    [[nodiscard]] bool may_shrink_to(std::uintptr_t end) const noexcept {
        return end >= segment_at_.load(order::relaxed);
    }

    [[nodiscard]] std::size_t credit() const noexcept { return credit_[tag_].load(order::relaxed); }
    void add_credit(tag_id t, std::size_t bytes) noexcept {
        credit_[t].store(credit_[t].load(order::relaxed) + bytes, order::relaxed);
    }
    /// What a tag has used in this frame, of this thread; as much again is a good guess at what it will.
    [[nodiscard]] std::size_t spent() const noexcept { return frames_[at_].spent[tag_]; }

    // --- the thread's own limit ---------------------------------------------------------------------------------------

    [[nodiscard]] std::size_t left() const noexcept { return left_; }
    [[nodiscard]] std::size_t used() const noexcept { return stop_ - left_; }
    [[nodiscard]] budget_limits const& limits() const noexcept { return limits_; }
    [[nodiscard]] bool stops_at_soft() const noexcept { return stop_ < limits_.hard && stop_ != unlimited; }
    void go_on_to_hard(frame_window& window) noexcept {
        stop_at(limits_.hard, used());
        set_limit(window, window.at());
    }
    void go_on_without_limit(frame_window& window) noexcept {
        stop_at(unlimited, used());
        set_limit(window, window.at());
    }
    /// True once per frame.
    [[nodiscard]] bool note_refused() noexcept {
        bool const first = !refused_;
        refused_ = true;
        return first;
    }
    /// For this thread's frames, from the next one on, instead of the budget's limits for all.
    void set_own_limits(budget_limits const& l) noexcept {
        own_limits_ = l;
        has_own_limits_ = true;
    }

    // --- credit -------------------------------------------------------------------------------------------------------

    /// Gives back all credit that is not used. False where there was none.
    FRAMEALLOC_COLD bool give_back_credit(frame_window& window, budget_type& budget) noexcept {
        bool any = false;
        for (std::size_t i = 0; i < tag_count; ++i) {
            auto const t = static_cast<tag_id>(i);
            std::size_t const unused = unspent(window, t);
            if (unused == 0) continue;
            credit_[t].store(credit_[t].load(order::relaxed) - unused, order::relaxed);
            budget.refund(t, allocation_intent::frame, unused);
            any = true;
        }
        lower_again(window);
        return any;
    }
    /// Bytes charged to a tag for this thread's frames and not used. Exact when the thread is at rest.
    [[nodiscard]] std::size_t unspent(frame_window const& window, tag_id t) const noexcept {
        std::size_t const credit = credit_[t].load(order::relaxed);
        if (t != tag_) return credit;
        std::size_t const open = window.at() - segment_at_.load(order::relaxed);
        return open < credit ? credit - open : 0;
    }

private:
    static constexpr std::size_t unlimited = SIZE_MAX / 2;

    struct one_frame {
        std::size_t spent[tag_count]{};
        tag_id touched[tag_count]{};
        std::size_t touched_count = 0;
    };

    void began(frame_window& window) noexcept { segment_at_.store(window.at(), order::relaxed); }
    void stop_at(std::size_t bytes, std::size_t used) noexcept {
        stop_ = bytes < unlimited ? bytes : unlimited;
        left_ = stop_ > used ? stop_ - used : 0;
    }

    FRAMEALLOC_HOT void set_limit(frame_window& window, std::uintptr_t cursor) noexcept {
        std::size_t room = real_limit_ - cursor;
        std::size_t const credit = credit_[tag_].load(order::relaxed);
        room = credit < room ? credit : room;
        room = left_ < room ? left_ : room;
        window.limit = cursor + (room & ~(granule - 1));
    }

    FRAMEALLOC_HOT void spend(tag_id t, std::size_t bytes) noexcept {
        one_frame& f = frames_[at_];
        std::size_t const before = f.spent[t];
        if (before == 0) f.touched[f.touched_count++] = t;
        f.spent[t] = before + bytes;
        credit_[t].store(credit_[t].load(order::relaxed) - bytes, order::relaxed);
        left_ -= bytes;
    }
    void spend_segment(frame_window& window) noexcept {
        std::size_t const bytes = window.at() - segment_at_.load(order::relaxed);
        if (bytes != 0) spend(tag_, bytes);
        began(window);
    }
    void close_segment(frame_window& window, bool watched) noexcept {
        std::size_t const bytes = window.at() - segment_at_.load(order::relaxed);
        if (bytes == 0) return;
        if (watched) journal_.add(tag_, bytes);
        spend(tag_, bytes);
        began(window);
    }

    /// Keeps credit for as much as was spent, within what may be held, and refunds the rest.
    void return_credit(tag_id t, std::size_t spent, budget_type& budget) noexcept {
        std::size_t const most = budget.credit_for(t), keep = spent < most ? spent : most;
        std::size_t const have = credit_[t].load(order::relaxed);
        if (have <= keep) return;
        credit_[t].store(keep, order::relaxed);
        budget.refund(t, allocation_intent::frame, have - keep);
    }

    one_frame frames_[frame_count]{};
    std::size_t at_ = 0;
    atomic<std::size_t> credit_[tag_count]{};  // the owner writes, others may read for statistics
    atomic<std::uintptr_t> segment_at_{0};     // where the cursor stood when the last segment was closed
    std::uintptr_t real_limit_ = 0;
    std::size_t stop_ = unlimited, left_ = unlimited;  // what the thread's frame may use before somebody looks, and of it left
    tag_id tag_ = root_tag;
    bool has_own_limits_ = false;
    bool refused_ = false;
    budget_limits limits_{}, own_limits_{};
    tag_journal<A> journal_{};
};

struct no_frame_charges {};
struct no_undo_points {};
template <class A, bool Tags = charges_tags<typename A::budget>>
struct choose_frame_charges {
    using type = frame_charges<A>;
};
template <class A>
struct choose_frame_charges<A, false> {
    using type = no_frame_charges;
};

}  // namespace framealloc::inline v0_1::detail
