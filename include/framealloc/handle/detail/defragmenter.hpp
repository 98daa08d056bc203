// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/handle/defragment.hpp>
#include <framealloc/handle/detail/handle_store.hpp>

namespace framealloc::inline v0_1::detail {

/// What one step may be: moving an object, or a call of the system that gives memory back, which takes many times as long.
enum class defragment_step : unsigned char { move, give_back };

/// The longest step of each sort of late, in nanoseconds; each step of its sort takes a sixteenth off. Kept from call to call, and
/// guessed for the first one.
struct longest_steps {
    unsigned long long of[2] = {2'000, 64'000};
};

/// How long a call may go on: another step is allowed while the longest of its sort, and a quarter more, would fit. Calls of
/// the system are begun in the first half alone: what they take varies most, and the next call has a first half, too. At a call's
/// begin each sort is taken to fit, lest one long step, in which perhaps the system let somebody else run, was the last one ever.
template <class Clock>
class defragment_watch {
public:
    defragment_watch(unsigned long long budget, longest_steps& longest) noexcept
        : is_limited_(budget != UINT64_MAX), longest_(longest) {
        if (!is_limited_) return;
        before_ = Clock::nanoseconds();
        // Some of it for the way in and out.
        unsigned long long const most = budget - budget / 64;
        end_ = before_ + most < before_ ? UINT64_MAX : before_ + most;
        middle_ = before_ + (end_ - before_) / 2;
        for (unsigned long long& step : longest_.of) step = step < most / 4 ? step : most / 4;
    }
    /// Whether such a step may begin. If it may, it does, and ends with the next question.
    [[nodiscard]] bool allows(defragment_step next) noexcept {
        if (!is_limited_) return true;
        unsigned long long const now = Clock::nanoseconds();
        if (in_step_) note(now - before_);
        unsigned long long const longest = longest_.of[std::size_t(next)];
        in_step_ = now < (next == defragment_step::give_back ? middle_ : end_) && end_ - now > longest + longest / 4;
        before_ = now;
        last_ = next;
        return in_step_;
    }

private:
    void note(unsigned long long took) noexcept {
        unsigned long long& longest = longest_.of[std::size_t(last_)];
        longest -= longest / 16;
        if (took > longest) longest = took;
    }

    bool is_limited_;
    bool in_step_ = false;
    longest_steps& longest_;
    unsigned long long before_ = 0, middle_ = 0, end_ = UINT64_MAX;
    defragment_step last_ = defragment_step::move;
};

/// Moves objects out of the emptiest slabs into the fullest.
///
/// A *pass* looks once at each slab that has room: its objects go, the highest first, to the fullest other slab of the kind, as
/// long as that has at least as many as it has itself. Every such move raises the sum of the squares of what slabs have, so
/// that no row of moves comes round, and what one call has brought together another does not take apart. The last slab, which
/// no other is fuller than, is squeezed: its highest objects go to its lowest free blocks. Then pages without an object go
/// back. A pass goes on from call to call. One in which nothing was made or freed, and no pin was in the way, leaves nothing to
/// do until something is.
template <class A>
class defragmenter : public handle_store<A> {
    using base = handle_store<A>;
    using phase = slot_state::phase;
    using base::blocks_;
    using base::core_;

public:
    using base::base;

protected:
    template <class Clock>
    defragment_result run_defragmentation(defragment_budget const& budget) {
        defragment_result r;
        void const* nobody = nullptr;
        // acquire: what the call before has left.
        if (!this->mover_.compare_exchange(nobody, base::this_thread_mark(), order::acquire, order::relaxed)) {
            r.busy = true;
            return r;
        }
        {
            locked const guard{core_.guard()};
            r.fragmentation_before = blocks_.fragmentation();
            defragment_watch<Clock> watch{budget.nanoseconds, longest_};
            bytes_left_ = budget.bytes;
            blocks_.gather(true);
            for (bool keeps = false;;) {  // the backend does
                bool const has_empty = blocks_.has_empty() && !keeps;
                if (has_empty && watch.allows(defragment_step::give_back)) {
                    keeps = !note_given_back(r, blocks_.give_back_one());
                } else if (!watch.allows(defragment_step::move) || !step(watch, r)) {
                    r.finished = r.finished && !has_empty;
                    break;
                }
            }
            blocks_.gather(false);
            this->account();
            r.fragmentation_after = blocks_.fragmentation();
        }
        this->mover_.store(nullptr, order::release);
        return r;
    }

private:
    bool note_given_back(defragment_result& r, std::size_t bytes) noexcept {
        r.bytes_given_back += bytes;
        r.pages_given_back += bytes / platform::page_bytes();
        return bytes != 0;
    }

    /// One move, or one slab that nothing more is to be done with. False: the pass is over, or the bytes or the time are.
    template <class Watch>
    [[nodiscard]] bool step(Watch& watch, defragment_result& r) {
        handle_kinds& kinds = blocks_.kinds();
        if (!in_pass_) {
            if (blocks_.changes() == settled_at_) return is_finished(r);
            blocks_.start_pass();
            in_pass_ = true;
            begun_at_ = blocks_.changes();
            kept_in_pass_ = 0;
            kind_ = kinds.empty() ? nullptr : &*kinds.begin();
        }
        handle_slab* from = nullptr;
        while (kind_ != nullptr &&
               (kind_->of.relocate == nullptr || (from = kind_->emptiest(blocks_.pass())) == nullptr)) {
            auto next = std::next(kinds.iterator_to(*kind_));
            kind_ = next == kinds.end() ? nullptr : &*next;
        }
        if (kind_ == nullptr) {
            in_pass_ = false;
            if (blocks_.changes() != begun_at_) return true;
            if (kept_in_pass_ == 0) settled_at_ = begun_at_;
            return is_finished(r);
        }
        handle_slab* to = kind_->fullest(from);
        // Lists tell in steps how full slabs are: of two in one step, the other way round.
        if (to != nullptr && to->used < from->used && to->visited_in != blocks_.pass()) std::swap(from, to);
        if (from->scanned_in != blocks_.pass()) {
            from->scanned_in = blocks_.pass();
            from->scan = from->carved;
        }
        if (to == nullptr || to->used < from->used) {
            to = from;
            if (from->squeezed_in != blocks_.pass()) {
                from->squeezed_in = blocks_.pass();
                from->sort_free();
            }
        }
        if (from->scan > from->carved) from->scan = from->carved;
        return empty(*from, *to, watch, r);
    }

    static bool is_finished(defragment_result& r) noexcept {
        r.finished = true;
        return false;
    }

    /// Moves the highest object of `from` that can be moved to `to`, which may be the same slab.
    template <class Watch>
    [[nodiscard]] bool empty(handle_slab& from, handle_slab& to, Watch& watch, defragment_result& r) {
        for (; from.scan > 0; --from.scan) {
            std::uint32_t const b = from.scan - 1;
            if (from.is_free(b)) continue;
            if (&from == &to && from.next_free >= b) break;  // all below are used
            if (kind_->of.bytes > bytes_left_) return false;
            std::uint32_t const slot = from.slots()[b];
            std::uint64_t seen = 0;
            if (!claim(slot, from.block(b), seen)) {
                ++r.kept_by_pins;
                ++kept_in_pass_;
                continue;
            }
            bytes_left_ -= kind_->of.bytes;
            --from.scan;
            move(slot, seen, from, b, to, r);
            return true;
        }
        if (!watch.allows(defragment_step::give_back)) return false;
        blocks_.leave_alone(from);
        note_given_back(r, blocks_.give_back_pages(from));
        return true;
    }

    /// True where the object in `block` is live and not pinned: then it is being moved, and `seen` is the state to go back to.
    [[nodiscard]] bool claim(std::uint32_t slot, void const* block, std::uint64_t& seen) noexcept {
        auto& word = this->state(slot);
        seen = word.load(order::relaxed);
        slot_state const s{seen};
        if (s.now() != phase::live || s.count() != 0) return false;
        // acquire: the last unpin's release, and what publish has written. See handle_store.
        if (!word.compare_exchange(seen, s.in(phase::moving, 0).word, order::acquire, order::relaxed)) return false;
        if (this->address_in(slot) == block) return true;
        word.store(seen, order::release);
        return false;
    }

    /// With the lock held, which is left while a constructor runs: both blocks are in use, so that their slabs stay.
    void move(std::uint32_t slot, std::uint64_t seen, handle_slab& from, std::uint32_t b, handle_slab& to,
              defragment_result& r) {
        handle_operations const of = kind_->of;
        void* const old_place = from.block(b);
        void* const new_place = blocks_.take_from(to, slot);
        if (new_place == nullptr) [[unlikely]] {
            this->state(slot).store(seen, order::release);
            ++r.failed;
            ++kept_in_pass_;
            return;
        }
        bool moved = true;
        if (of.relocate == &relocate_bytes) {
            relocate_bytes(new_place, old_place, of.bytes);
            give_way();
        } else {
            core_.guard().unlock();
            moved = of.relocate(new_place, old_place, of.bytes);
            core_.guard().lock();
        }
        // Before the state, whose release it is published by.
        if (moved) this->set_address(slot, new_place);
        this->state(slot).store(seen, order::release);
        void* const left = moved ? old_place : new_place;
        if constexpr (A::diagnostics::fills_released) __builtin_memset(left, 0xCD, of.bytes);
        static_cast<void>(blocks_.give(left, &from == &to));
        if (moved) {
            ++r.moves;
            r.bytes_moved += of.bytes;
        } else {
            ++r.failed;
            ++kept_in_pass_;
        }
    }
    /// Lets others have the lock now and then: short moves are done under it.
    void give_way() {
        if (++moves_under_lock_ % 32 != 0) return;
        core_.guard().unlock();
        core_.guard().lock();
    }

    handle_kind* kind_ = nullptr;  ///< the one that the pass is at
    bool in_pass_ = false;
    std::size_t begun_at_ = 0;      ///< the program's changes when the pass began
    std::size_t settled_at_ = 0;    ///< when one was over and had left nothing to do
    std::size_t kept_in_pass_ = 0;  ///< objects that could not be moved
    unsigned moves_under_lock_ = 0;
    std::size_t bytes_left_ = 0;
    longest_steps longest_{};
};

}  // namespace framealloc::detail
