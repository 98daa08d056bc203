// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/detail/budget_node.hpp>
#include <framealloc/detail/owner_allowance.hpp>
#include <framealloc/detail/tag_hooks.hpp>
#include <framealloc/detail/tag_journal.hpp>

namespace framealloc::inline v0_1::detail {

/// What ended frames that are still alive have used, by tag.
template <std::size_t Frames>
class ended_charges {
public:
    [[nodiscard]] std::size_t& of_oldest(tag_id t) noexcept { return spent_[at_][t]; }
    [[nodiscard]] std::size_t of_all(tag_id t) const noexcept {
        std::size_t sum = 0;
        for (auto const& frame : spent_) sum += frame[t];
        return sum;
    }
    void next_frame() noexcept { at_ = (at_ + 1) % (Frames - 1); }
    /// Of all of them; they are over then.
    [[nodiscard]] std::size_t take_all(tag_id t) noexcept {
        std::size_t sum = 0;
        for (auto& frame : spent_) {
            sum += frame[t];
            frame[t] = 0;
        }
        return sum;
    }

private:
    std::size_t spent_[Frames - 1][tag_count]{};
    std::size_t at_ = 0;
};
template <>
class ended_charges<1> {
public:
    [[nodiscard]] std::size_t of_all(tag_id) const noexcept { return 0; }
};

/// What one thread's frame is charged for, by tag. No request is counted: bytes are differences of the cursor, taken where
/// the tag changes, where the window does, and at the end of the frame.
///
/// The window's limit is lowered to what the tag has credit for, and what the thread's frame may use: so the comparison
/// that each request makes anyway holds the budget, and only who meets the limit comes here. What works on the window
/// otherwise lifts the limit first and lowers it again.
///
///     chunk   [ used . . . . . | not settled . . | credit left . . | . . . . . . ]
///                  settled_to_ ^          cursor ^           limit ^      stop_at_ ^ engine_limit_
///
/// What is not settled lies in one piece below the cursor, and was allocated under the present tag: so it may be given back
/// in place.
///
///   Cost      A switch: 12 instructions, O(1) more while something may be rolled back to. The end of a frame: O(tags that the
///             thread has used lately).
///   Threads   The owner's, and for a shared frame who ends it, while the owner is at rest. `unspent` may be asked by others.
///   Failure   A switch that finds no room in the journal leaves the frame's bytes with the tag before.
///   Invariant Credit is a multiple of the granule, so that the limit is. For each tag, what its node has been charged for frames is the sum, over all threads, of `granted_` and of what
///             ended frames that are alive have used.
template <class A>
class frame_charges {
    using budget_type = typename A::budget;
    static constexpr std::size_t frame_count = frames_in_flight_of<typename A::arena>;

public:
    [[nodiscard]] tag_id tag() const noexcept { return static_cast<tag_id>(tag_.read()); }
    /// Another thread takes over, between frames.
    void start_thread() noexcept {
        tag_.write(root_tag);
        has_own_limits_ = false;
        for (std::size_t i = 0; i < last_count_; ++i) last_used_[last_[i]] = 0;
        last_count_ = 0;
    }

    // --- the frame's life ---------------------------------------------------------------------------------------------

    /// The engine has opened the window.
    void opened(frame_window& window, budget_type& budget) noexcept {
        limits_ = has_own_limits_ ? own_limits_ : budget.frame_budget().limits();
        most_ = limits_.soft < limits_.hard ? limits_.soft : limits_.hard;
        refused_ = false;
        settled_to_.store(window.at(), order::relaxed);
        lower(window, 0);
    }
    /// The frame is about to be reset; the window is the engine's again afterwards. What the oldest frame has used goes back,
    /// but for credit that the next one is likely to want: as much as this one used.
    FRAMEALLOC_COLD void ending(frame_window& window, chunk_source<A>& source) noexcept {
        settle(window);
        lift(window);
        journal_.clear(source);
        budget_type& budget = source.budget();
        for (std::size_t i = 0; i < last_count_; ++i) last_used_[last_[i]] = 0;
        last_count_ = 0;
        for (std::size_t i = 0; i < in_use_count_;) {
            tag_id const t = in_use_[i];
            std::size_t const credit = credit_of(t), used = granted_[t] - credit;
            if (used != 0) {
                last_[last_count_++] = t;
                last_used_[t] = used;
            }
            std::size_t over = used;
            if constexpr (frame_count != 1) {
                over = ended_.of_oldest(t);
                ended_.of_oldest(t) = used;
            }
            std::size_t const most = budget.credit_for(t), keep = used < most ? used : most;
            std::size_t const have = credit + over;
            set_credit(t, have < keep ? have : keep);
            granted_[t] = credit_of(t);
            if (have > keep) budget.refund(t, allocation_intent::frame, have - keep);
            granted_[t] != 0 || ended_.of_all(t) != 0 ? void(++i) : void(in_use_[i] = in_use_[--in_use_count_]);
        }
        if constexpr (frame_count != 1) ended_.next_frame();
        settled_to_.store(0, order::relaxed);
        engine_limit_ = stop_at_ = 0;
    }
    /// No frame is alive any more.
    FRAMEALLOC_COLD void release(chunk_source<A>& source) noexcept {
        if constexpr (frame_count != 1) {
            for (std::size_t i = 0; i < tag_count; ++i) {
                auto const t = static_cast<tag_id>(i);
                if (std::size_t const used = ended_.take_all(t)) {
                    source.budget().refund(t, allocation_intent::frame, used);
                }
            }
        }
        frame_window closed;
        static_cast<void>(give_back_credit(closed, source.budget()));
        journal_.release(source);
    }

    /// What a tag used in the last frame that ended.
    [[nodiscard]] std::size_t last_used(tag_id t) const noexcept { return last_used_[t]; }

    // --- switches -----------------------------------------------------------------------------------------------------

    /// What is allocated from now on is for `to`. Nothing may be rolled back to.
    FRAMEALLOC_HOT void switch_to(frame_window& window, std::size_t to) noexcept {
        std::uintptr_t const cursor = settle(window);
        tag_.write(static_cast<unsigned>(to));
        set_limit(window, cursor, to);
    }
    FRAMEALLOC_COLD void switch_watched(frame_window& window, tag_id to, chunk_source<A>& source) noexcept {
        if (tag() == to || !make_room(source)) return;
        if (std::size_t const bytes = open_bytes(window)) journal_.add(tag(), bytes);
        settle(window);
        tag_.write(to);
        set_limit(window);
    }

    // --- slow paths ---------------------------------------------------------------------------------------------------

    /// The window as the engine knows it.
    void lift(frame_window& window) noexcept { window.limit = engine_limit_; }
    /// The engine has done something with it, or what the thread may use has changed; `used` bytes of the frame are.
    void lower(frame_window& window, std::size_t used) noexcept {
        engine_limit_ = window.limit;
        std::uintptr_t const cursor = window.at();
        // The frame has got its first chunk, and nothing has been served from it.
        if (settled_to_.load(order::relaxed) == 0) settled_to_.store(cursor, order::relaxed);
        std::size_t const left = most_ > used ? (most_ - used) & ~(granule - 1) : 0;
        stop_at_ = left < engine_limit_ - cursor ? cursor + left : engine_limit_;
        set_limit(window);
    }
    /// The credit has changed.
    void lower_again(frame_window& window) noexcept { set_limit(window); }

    /// Makes sure that one stretch more can be written down; false where there is no memory for it.
    [[nodiscard]] bool make_room(chunk_source<A>& source) noexcept { return journal_.make_room(source); }
    /// The engine has just served `bytes`, when the cursor stood at `before`; there is credit, and where it is `watched` room
    /// in the journal. What does not lie right above `before` is settled, and what lies below it then, too.
    void served(frame_window& window, std::uintptr_t before, std::size_t bytes, std::size_t used,
                bool watched) noexcept {
        std::uintptr_t const cursor = window.at();
        if (before == 0 || cursor - before != bytes) {
            bool const lies_elsewhere = cursor == before;  // in a chunk of its own, beside the one with the cursor
            std::size_t const open = before - settled_to_.load(order::relaxed) + (lies_elsewhere ? bytes : 0);
            if (watched && open != 0) journal_.add(tag(), open);
            set_credit(tag(), credit_of(tag()) - open);
            settled_to_.store(lies_elsewhere ? cursor : cursor - bytes, order::relaxed);
        }
        lower(window, used);
    }
    /// Bytes that are not settled.
    [[nodiscard]] std::size_t open_bytes(frame_window const& window) const noexcept {
        return window.at() - settled_to_.load(order::relaxed);
    }
    /// The engine has rewound over `bytes`, of which the newest `open` were not settled.
    void rewound(frame_window& window, std::size_t bytes, std::size_t open, std::size_t used,
                 chunk_source<A>& source) noexcept {
        if (bytes >= open) {
            journal_.take_back(bytes - open, source, [&](tag_id t, std::size_t n) {
                set_credit(t, credit_of(t) + n);
                if (t != tag()) give_back_excess(t, credit_of(t), source.budget());
            });
            settled_to_.store(window.at(), order::relaxed);
        }
        if (bytes != 0) give_back_excess(tag(), unspent(window, tag()), source.budget());
        lower(window, used);
    }
    /// The window has been moved back over what was not settled.
    void shrunk(frame_window& window, budget_type& budget) noexcept {
        give_back_excess(tag(), unspent(window, tag()), budget);
        set_limit(window);
    }
    /// Whether the newest bytes down to `end` were all allocated under the present tag.
    [[nodiscard]] bool may_shrink_to(std::uintptr_t end) const noexcept {
        return end >= settled_to_.load(order::relaxed);
    }
    [[nodiscard]] std::size_t room_in_chunk(frame_window const& window) const noexcept {
        return engine_limit_ - window.at();
    }

    // --- credit of the present tag ------------------------------------------------------------------------------------

    [[nodiscard]] std::size_t credit(frame_window const& window) const noexcept { return unspent(window, tag()); }
    /// What the tag has used in this frame; as much again is a good guess at what it will.
    [[nodiscard]] std::size_t used(frame_window const& window) const noexcept {
        return granted_[tag()] - credit(window);
    }
    void grant(tag_id t, std::size_t bytes) noexcept {
        if (!is_in_use(t)) in_use_[in_use_count_++] = t;
        granted_[t] += bytes;
        set_credit(t, credit_of(t) + bytes);
    }
    /// Gives back all credit that is not used. False where there was none.
    FRAMEALLOC_COLD bool give_back_credit(frame_window& window, budget_type& budget) noexcept {
        bool any = false;
        for (std::size_t i = 0; i < in_use_count_; ++i) {
            tag_id const t = in_use_[i];
            std::size_t const unused = unspent(window, t);
            if (unused == 0) continue;
            granted_[t] -= unused;
            set_credit(t, credit_of(t) - unused);
            budget.refund(t, allocation_intent::frame, unused);
            any = true;
        }
        set_limit(window);
        return any;
    }
    /// Bytes charged to a tag for this thread's frames and not used. Exact when the thread is at rest.
    [[nodiscard]] std::size_t unspent(frame_window const& window, tag_id t) const noexcept {
        std::size_t const credit = credit_of(t);
        if (t != tag_.read()) return credit;
        std::size_t const open = open_bytes(window);
        return open < credit ? credit - open : 0;
    }

    /// Bytes charged to a tag for this thread's frames, the ended ones that are alive included. The thread is at rest.
    [[nodiscard]] std::size_t charged(tag_id t) const noexcept { return granted_[t] + ended_.of_all(t); }
    /// What a tag has used in the frame that is open, which the thread's other frames have no part in.
    [[nodiscard]] std::size_t used_by(frame_window const& window, tag_id t) const noexcept {
        return granted_[t] - unspent(window, t);
    }

    // --- the thread's own limit ---------------------------------------------------------------------------------------

    [[nodiscard]] budget_limits const& limits() const noexcept { return limits_; }
    /// What the thread's frame may use before somebody has to look.
    [[nodiscard]] std::size_t most() const noexcept { return most_; }
    void set_most(std::size_t bytes) noexcept { most_ = bytes; }
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

private:
    /// By its offset, which is part of one instruction's address; of an index into a member, g++ 12 makes two more.
    [[nodiscard]] FRAMEALLOC_HOT std::size_t credit_of(std::size_t t) const noexcept {
        auto const* const first = reinterpret_cast<char const*>(credit_);
        return reinterpret_cast<owner_counter const*>(first + t * sizeof(owner_counter))->read();
    }
    /// What a roll-back has made of a tag's bytes is more than a thread may hold ahead of need.
    void give_back_excess(tag_id t, std::size_t unused, budget_type& budget) noexcept {
        std::size_t const most = budget.credit_for(t);
        if (unused <= most) return;
        std::size_t const excess = unused - most;
        granted_[t] -= excess;
        set_credit(t, credit_of(t) - excess);
        budget.refund(t, allocation_intent::frame, excess);
    }
    void set_credit(tag_id t, std::size_t bytes) noexcept { credit_[t].set(bytes); }

    /// Answers where the cursor stands.
    FRAMEALLOC_HOT std::uintptr_t settle(frame_window& window) noexcept {
        std::uintptr_t const cursor = window.at();
        credit_[tag_.read()].subtract(cursor - settled_to_.load(order::relaxed));
        settled_to_.store(cursor, order::relaxed);
        return cursor;
    }
    /// `t` has had its credit brought up to date when the cursor stood at `from`.
    FRAMEALLOC_HOT void set_limit(frame_window& window, std::uintptr_t from, std::size_t t) noexcept {
        std::size_t const room = stop_at_ - from, credit = credit_of(t);
        window.limit = from + (credit < room ? credit : room);
    }
    void set_limit(frame_window& window) noexcept { set_limit(window, settled_to_.load(order::relaxed), tag()); }
    [[nodiscard]] bool is_in_use(tag_id t) const noexcept {
        for (std::size_t i = 0; i < in_use_count_; ++i) {
            if (in_use_[i] == t) return true;
        }
        return false;
    }

    atomic<std::uintptr_t> settled_to_{0};  // where the cursor stood when credit was last brought up to date
    std::uintptr_t stop_at_ = 0;            // where the thread's frame has used all that it may, or the chunk ends
    std::uintptr_t engine_limit_ = 0;
    shared_byte tag_{};
    bool has_own_limits_ = false;
    bool refused_ = false;
    std::size_t most_ = no_limit;
    budget_limits limits_{}, own_limits_{};

    owner_counter credit_[tag_count]{};  // the owner writes, others may read for statistics
    std::size_t granted_[tag_count]{};   // credit, and what of it this frame has used
    tag_id in_use_[tag_count]{};         // the tags with something granted, or used in frames that are alive
    std::size_t in_use_count_ = 0;
    tag_id last_[tag_count]{};  // the tags that the last finished frame used
    std::size_t last_count_ = 0;
    std::size_t last_used_[tag_count]{};
    [[no_unique_address]] ended_charges<frame_count> ended_{};
    tag_journal<A> journal_{};
};

}  // namespace framealloc::inline v0_1::detail
