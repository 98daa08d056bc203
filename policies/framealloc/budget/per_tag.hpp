// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/budget_limits.hpp>
#include <framealloc/detail/budget_node.hpp>
#include <framealloc/policy.hpp>
#include <framealloc/tag.hpp>

namespace framealloc::inline v0_1::budget {

/// What is fixed when a `per_tag` budget is made.
struct per_tag_config {
    /// The most that the instance takes from its backend, in its units, as for `budget::global`.
    std::size_t limit_bytes = no_limit;
    /// The most that a thread holds ahead of need, per tag, of frames and of pools each; for a tag under a hard limit a 256th
    /// of the smallest one, where that is less. From 0, which charges each request by itself, to 16 MiB.
    std::size_t credit_bytes = std::size_t{64} << 10;
    /// How much more than at its last announced peak a tag has to use for another `new_peak`. From 1.
    std::size_t peak_step_bytes = std::size_t{1} << 20;
};

/// Budget: limits for each tag of a tree, for each thread's frames, and for the whole instance.
///
/// Choose it when each system of a program has been given its megabytes, or to know who uses what: a `tag_scope` says for
/// whom memory is, and every request is charged to that tag and to all above it. Charged are, for a frame, the bytes that
/// the cursor passes, padding included; for a pool block, its class; for a heap block, what was asked for. What that takes
/// from the backend beyond is the allocator's own, and `verify()` adds it up.
///
///   Cost      28 KiB for the tree, 10 KiB per thread, a byte per pool block. A frame request costs nothing: the limit that its
///             cursor is compared with anyway is lowered. A pool block costs 6 to 8 instructions, and its free as many. Every
///             so many bytes, `credit_bytes` at most, a slow path charges the tree: a few locked instructions per level.
///   Threads   Any number. A hard limit is exact: credit is charged before it is spent, so that no sum passes a limit by one
///             byte at any time. What one thread has been credited and not spent, others cannot have: a request may be refused
///             while at most (threads - 1) x 3 x `credit_bytes(tag)` bytes of each tag beneath the limit are unspent, frames'
///             once, pools' as much and as much again for what the thread has freed.
///   Failure   `charge` answers false and changes nothing (FA302, and FA301 for the whole instance).
///   Lifetime  With the instance. A tag that was charged stays charged until the block is freed, whatever limits change.
///   Source    Linux's memory controller charges its tree of counters so: in batches, of which each processor holds a stock.
class per_tag {
public:
    using family = budget_family;
    static constexpr bool charges_tags = true;

    constexpr per_tag() noexcept = default;
    constexpr explicit per_tag(per_tag_config const& config)
        : instance_(config.limit_bytes), credit_bytes_(config.credit_bytes), peak_step_bytes_(config.peak_step_bytes) {
        check("credit_bytes is %llu; expected %llu to %llu", config.credit_bytes, 0, std::size_t{16} << 20);
        check("peak_step_bytes is %llu; expected %llu to %llu", config.peak_step_bytes, 1, no_limit);
    }
    /// Takes over limits and configuration, and none of what has been charged.
    per_tag(per_tag const& other) : credit_bytes_(other.credit_bytes_), peak_step_bytes_(other.peak_step_bytes_) {
        instance_.limit(other.instance_.limits());
        frames_.limit(other.frames_.limits());
        listener_.store(other.listener_.load(detail::order::relaxed), detail::order::relaxed);
        for (std::size_t i = 0; i < detail::tag_count; ++i) {
            budget_limits const l = other.nodes_[i].limits();
            nodes_[i].limit(l);
            if (l.reserved != 0) static_cast<void>(reserve(static_cast<detail::tag_id>(i), l.reserved));
        }
    }
    per_tag& operator=(per_tag const&) = delete;

    // --- limits -------------------------------------------------------------------------------------------------------

    /// Limits a tag, from its threads' next slow paths on. What is above a lowered limit stays, and requests are refused until
    /// enough has gone back.
    ///
    /// Throws `configuration_error` (FA902), naming field, value and range, and changes nothing, where `soft` or `reserved` is
    /// above `hard`, `hard` above that of a tag above or below one beneath, or `reserved` more than the tag above has left;
    /// and FA309 for a tag that came too late to have a number.
    void set(allocation_tag const& tag, budget_limits const& limits) {
        tag_id const id = tag.id();
        if (detail::known_tags.path(id) != tag.path()) {
            detail::throw_bad_configuration(
                {.code = fault_code::too_many_tags,
                 .note = "%llu tags are in use; there is no number left for this one's limits",
                 .numbers = {detail::tag_count - 1}});
        }
        set(id, limits);
    }
    /// Limits the sum of all tags, and of what is allocated under none.
    void set_total(budget_limits const& limits) { set(detail::root_tag, limits); }
    /// Limits what the instance takes from its backend. Nothing can be reserved here.
    void set_global(budget_limits const& limits) {
        check_alone(limits);
        instance_.limit(limits);
    }
    /// Limits the frames of each thread, from its next frame on. Nothing can be reserved here.
    void set_frames(budget_limits const& limits) {
        check_alone(limits);
        frames_.limit(limits);
    }

    [[nodiscard]] budget_limits limits(allocation_tag const& tag) const noexcept { return limits(tag.id()); }
    [[nodiscard]] budget_limits total_limits() const noexcept { return limits(detail::root_tag); }
    [[nodiscard]] budget_limits global_limits() const noexcept { return instance_.limits(); }
    [[nodiscard]] budget_limits frame_limits() const noexcept { return frames_.limits(); }

    /// The most that a thread holds ahead of a tag's need, of frames and of pools each, and of what it has freed in pools.
    [[nodiscard]] std::size_t credit_bytes(allocation_tag const& tag) const noexcept {
        return smallest_credit(tag.id(), [](detail::budget_node const&) { return false; });
    }

    /// Who is told of events; null for nobody. It outlives the budget, or the next call of this.
    void set_listener(budget_listener* listener) noexcept { listener_.store(listener, detail::order::release); }

    // --- what the instance takes from its backend ---------------------------------------------------------------------

    [[nodiscard]] bool try_charge(std::size_t bytes) noexcept {
        std::size_t after = 0;
        bool const given = instance_.try_add(bytes, !instance_.binds(), after);
        bool const above = !given || (after > instance_.hard.get() && instance_.action() == limit_action::warn);
        unsigned char const events = (above && instance_.note_above_hard() ? instance_event::above_hard : 0) |
                                     (given && instance_.note_above_soft(after) ? instance_event::above_soft : 0);
        if (events != 0) [[unlikely]]
            instance_events_.fetch_or(events, detail::order::relaxed);
        return given;
    }
    void refund(std::size_t bytes) noexcept { instance_.subtract(bytes); }
    [[nodiscard]] std::size_t used_bytes() const noexcept { return instance_.used.load(detail::order::relaxed); }
    [[nodiscard]] std::size_t limit_bytes() const noexcept { return instance_.hard.get(); }

    // --- what the framework asks of a budget that charges tags ----------------------------------------------------------

    using tag_id = detail::tag_id;

    void set(tag_id tag, budget_limits const& limits) {
        check_limits(tag, limits);
        detail::budget_node& n = nodes_[tag];
        if (limits.reserved > n.reserved.load(detail::order::relaxed) && !reserve(tag, limits.reserved)) {
            wrong(tag, "reserved is %llu; expected at most %llu, which the tags above have left for it",
                  limits.reserved,
                  n.reserved.load(order::relaxed) + n.passed.load(order::relaxed) +
                      room_in(detail::known_tags.parent(tag)));
        }
        if (limits.reserved < n.reserved.load(detail::order::relaxed)) give_up_reserved(tag, limits.reserved);
        n.limit(limits);
    }
    [[nodiscard]] budget_limits limits(tag_id tag) const noexcept { return nodes_[tag].limits(); }
    /// Limits that belong to no tag.
    static void check_alone(budget_limits const& l) {
        check_pair(detail::no_tag, l);
        if (l.reserved != 0) wrong(detail::no_tag, "reserved is %llu; expected 0: there is nothing above", l.reserved);
    }
    [[nodiscard]] detail::budget_node const& node(tag_id tag) const noexcept { return nodes_[tag]; }
    [[nodiscard]] detail::limit_pair const& frame_budget() const noexcept { return frames_; }
    [[nodiscard]] detail::budget_total const& instance_budget() const noexcept { return instance_; }
    [[nodiscard]] budget_listener* listener() const noexcept { return listener_.load(detail::order::acquire); }

    /// What a thread may hold ahead now: nothing where more is used than a limit that has been lowered.
    [[nodiscard]] std::size_t credit_for(tag_id tag) const noexcept {
        return smallest_credit(
            tag, [](detail::budget_node const& n) { return n.used.load(order::relaxed) > n.hard.get() && n.binds(); });
    }

    /// Charges `need` bytes to a tag and all above it, and up to `ahead` more where no limit is near. Answers the bytes
    /// charged; 0 where a limit is in the way, and then `why.limited_by` says whose, and nothing has changed. With `force` hard
    /// limits hold nothing.
    [[nodiscard]] std::size_t charge(tag_id tag, allocation_intent intent, std::size_t need, std::size_t ahead,
                                     bool force, detail::budget_crossings& crossed) noexcept {
        std::size_t want = ahead != 0 && has_room_ahead(tag, need + ahead) ? need + ahead : need;
        while (!climb(tag, want, force, crossed)) {
            if (want == need) return 0;
            want = need;
        }
        nodes_[tag].own_of(intent).fetch_add(want, detail::order::relaxed);
        return want;
    }
    /// Of what is charged to a tag for the heap, `bytes` more are in structures of a facility; or fewer again.
    void lend(tag_id tag, std::size_t bytes) noexcept { nodes_[tag].lent.fetch_add(bytes, detail::order::relaxed); }
    void take_back(tag_id tag, std::size_t bytes) noexcept {
        nodes_[tag].lent.fetch_sub(bytes, detail::order::relaxed);
    }
    void refund(tag_id tag, allocation_intent intent, std::size_t bytes) noexcept {
        nodes_[tag].own_of(intent).fetch_sub(bytes, detail::order::relaxed);
        descend(tag, bytes);
    }

    /// A request has been refused at a tag's limit. True where that is to be told.
    [[nodiscard]] bool note_refused(tag_id tag) noexcept { return nodes_[tag].note_above_hard(); }

    /// What there is to tell of the whole instance, as bits; whoever takes it tells it.
    struct instance_event {
        static constexpr unsigned char above_soft = 1, above_hard = 2;
    };
    [[nodiscard]] bool has_instance_event() const noexcept {
        return instance_events_.load(detail::order::relaxed) != 0;
    }
    [[nodiscard]] unsigned take_instance_events() noexcept {
        return has_instance_event() ? instance_events_.exchange(0, detail::order::relaxed) : 0u;
    }

private:
    using order = detail::order;

    template <class HasNone>
    [[nodiscard]] std::size_t smallest_credit(tag_id tag, HasNone&& has_none) const noexcept {
        std::size_t credit = credit_bytes_;
        for (;; tag = detail::known_tags.parent(tag)) {
            detail::budget_node const& n = nodes_[tag];
            std::size_t const hard = n.hard.get();
            if (has_none(n)) return 0;
            if (hard != no_limit && hard / 256 < credit) credit = hard / 256;
            if (tag == detail::root_tag) return credit & ~(granule - 1);
        }
    }

    /// Neither does the charge reach a hard limit, nor does credit carry use past a soft one that use itself has not passed.
    [[nodiscard]] bool has_room_ahead(tag_id tag, std::size_t bytes) const noexcept {
        for (;; tag = detail::known_tags.parent(tag)) {
            detail::budget_node const& n = nodes_[tag];
            std::size_t const used = n.used.load(order::relaxed), hard = n.hard.get(), soft = n.soft.get();
            if (hard != no_limit && (used > hard || bytes > hard - used)) return false;
            if (used <= soft && bytes > soft - used) return false;
            if (tag == detail::root_tag) return true;
        }
    }

    /// Adds to a tag and to what is above it. What a tag has reserved is counted above it already.
    ///
    /// Each level is charged before the one above it, and undone when that refuses: so at no time is a level above its limit,
    /// and what another thread is refused meanwhile, it is refused for bytes that somebody had asked for.
    [[nodiscard]] bool climb(tag_id const tag, std::size_t const bytes, bool force,
                             detail::budget_crossings& crossed) noexcept {
        struct step {
            std::size_t added, after, from_reserve;
        } steps[detail::budget_crossings::levels];
        std::size_t level = 0, amount = bytes;
        for (tag_id t = tag; amount != 0; t = detail::known_tags.parent(t)) {
            detail::budget_node& n = nodes_[t];
            step& s = steps[level];
            if (!n.try_add(amount, force || !n.binds(), s.after)) {
                crossed.limited_by = t;
                undo(tag, level, steps);
                return false;
            }
            s.added = amount;
            s.from_reserve = t != detail::root_tag ? n.take_reserved(amount) : amount;
            amount -= s.from_reserve;
            ++level;
        }
        tag_id t = tag;
        for (std::size_t i = 0; i < level; ++i, t = detail::known_tags.parent(t)) {
            std::size_t const passed = steps[i].added - steps[i].from_reserve;
            if (passed != 0) nodes_[t].passed.fetch_add(passed, order::acq_rel);
            if (nodes_[t].reserved.load(order::relaxed) != 0) even_out(t);
            note(nodes_[t], t, steps[i].after, crossed);
        }
        return true;
    }
    template <class Step>
    void undo(tag_id t, std::size_t levels, Step const* steps) noexcept {
        for (std::size_t i = 0; i < levels; ++i, t = detail::known_tags.parent(t)) {
            nodes_[t].subtract(steps[i].added);
            if (steps[i].from_reserve != 0) nodes_[t].left.fetch_add(steps[i].from_reserve, order::relaxed);
        }
    }

    void note(detail::budget_node& n, tag_id t, std::size_t after, detail::budget_crossings& crossed) noexcept {
        detail::raise_to(n.peak, after);
        if (n.note_above_soft(after)) crossed.add({budget_event_kind::soft_limit_exceeded, t});
        if (after > n.hard.get() && n.action() == limit_action::warn && n.note_above_hard()) {
            crossed.add({budget_event_kind::hard_limit_exceeded, t});
        }
        std::size_t announced = n.announced.load(order::relaxed);
        if (after > announced && after - announced >= peak_step_bytes_ && listener() != nullptr &&
            n.announced.compare_exchange(announced, after, order::relaxed, order::relaxed)) {
            crossed.add({budget_event_kind::new_peak, t, announced});
        }
    }

    /// Takes from a tag and from what is above it: first what was passed on, then the tag's reserve fills again.
    void descend(tag_id t, std::size_t bytes) noexcept {
        for (; bytes != 0; t = detail::known_tags.parent(t)) {
            detail::budget_node& n = nodes_[t];
            n.subtract(bytes);
            if (t == detail::root_tag) return;
            std::size_t const passed = n.take_passed(bytes);
            if (passed != bytes) {
                n.left.fetch_add(bytes - passed, order::acq_rel);
                even_out(t);
            }
            bytes = passed;
        }
    }

    /// A refund that came while a charge was on its way up has filled the reserve instead of undoing what that passes on. What
    /// is both left and passed on is given back above.
    ///
    ///   Orders    Whoever adds to one of the two looks at both afterwards, by exchanges that acquire and release: of two that
    ///             race, the one whose look comes second in the order of that number sees what the other has added.
    void even_out(tag_id t) noexcept {
        detail::budget_node& n = nodes_[t];
        std::size_t const left = n.left.fetch_add(0, order::acq_rel), passed = n.passed.fetch_add(0, order::acq_rel);
        if (left == 0 || passed == 0) return;
        std::size_t const taken = n.take_reserved(left < passed ? left : passed);
        std::size_t const both = n.take_passed(taken);
        if (both != taken) n.left.fetch_add(taken - both, order::acq_rel);
        descend(detail::known_tags.parent(t), both);
    }

    /// What is reserved is charged above the tag for good. What the tag has passed on is charged there already.
    [[nodiscard]] bool reserve(tag_id tag, std::size_t bytes) noexcept {
        detail::budget_node& n = nodes_[tag];
        std::size_t const more = bytes - n.reserved.load(order::relaxed), in_use = n.take_passed(more);
        detail::budget_crossings unused;
        if (more != in_use && !climb(detail::known_tags.parent(tag), more - in_use, false, unused)) {
            n.passed.fetch_add(in_use, order::relaxed);
            return false;
        }
        n.left.fetch_add(more - in_use, order::relaxed);
        n.reserved.store(bytes, order::relaxed);
        return true;
    }
    /// What can be charged to a tag before a limit is met.
    [[nodiscard]] std::size_t room_in(tag_id tag) const noexcept {
        detail::budget_node const& n = nodes_[tag];
        std::size_t const hard = n.binds() ? n.hard.get() : no_limit, used = n.used.load(order::relaxed);
        std::size_t const here = hard > used ? hard - used : 0;
        if (tag == detail::root_tag) return here;
        std::size_t const left = n.left.load(order::relaxed), above = room_in(detail::known_tags.parent(tag));
        std::size_t const both = above < no_limit - left ? left + above : no_limit;
        return here < both ? here : both;
    }
    void give_up_reserved(tag_id tag, std::size_t bytes) noexcept {
        detail::budget_node& n = nodes_[tag];
        std::size_t const less = n.reserved.load(order::relaxed) - bytes;
        n.reserved.store(bytes, order::relaxed);
        std::size_t const free_now = n.take_reserved(less);
        n.passed.fetch_add(less - free_now, order::relaxed);  // in use: passed on, as it is counted above already
        if (free_now != 0) descend(detail::known_tags.parent(tag), free_now);
    }

    // --- bad input ----------------------------------------------------------------------------------------------------

    static constexpr void check(char const* note, std::size_t value, std::size_t least, std::size_t most) {
        if (value < least || value > most) wrong(detail::no_tag, note, value, least, most);
    }
    template <class... Numbers>
    [[noreturn]] FRAMEALLOC_COLD static void wrong(tag_id tag, char const* note, Numbers... numbers) {
        detail::throw_bad_configuration({.code = fault_code::bad_configuration,
                                         .note = note,
                                         .numbers = {static_cast<unsigned long long>(numbers)...},
                                         .tag = tag != detail::no_tag ? tag : detail::root_tag,
                                         .write_subject = &detail::write_fault_subject});
    }
    static void check_pair(tag_id tag, budget_limits const& l) {
        if (l.soft != no_limit && l.soft > l.hard) {
            wrong(tag, "soft is %llu; expected 0 to hard, which is %llu", l.soft, l.hard);
        }
        if (l.reserved > l.hard) wrong(tag, "reserved is %llu; expected 0 to hard, which is %llu", l.reserved, l.hard);
        if (l.at_hard > limit_action::ask) wrong(tag, "at_hard is %llu; expected a limit_action", l.at_hard);
    }
    void check_limits(tag_id tag, budget_limits const& l) const {
        check_pair(tag, l);
        if (tag == detail::root_tag && l.reserved != 0) check_alone(l);
        for (tag_id t = tag; t != detail::root_tag;) {
            t = detail::known_tags.parent(t);
            std::size_t const above = nodes_[t].hard.get();
            if (l.hard != no_limit && l.hard > above) {
                wrong(tag, "hard is %llu; expected at most %llu, which a tag above has", l.hard, above);
            }
        }
        detail::known_tags.for_each([&](tag_id other) {
            std::size_t const below = nodes_[other].hard.get();
            if (below == no_limit || below <= l.hard || !detail::known_tags.is_below(other, tag)) return;
            wrong(tag, "hard is %llu; expected at least %llu, which a tag beneath has", l.hard, below);
        });
    }

    detail::budget_node nodes_[detail::tag_count]{};
    detail::budget_total instance_{};
    detail::limit_pair frames_{};
    detail::atomic<unsigned char> instance_events_{0};
    detail::atomic<budget_listener*> listener_{nullptr};
    std::size_t credit_bytes_ = per_tag_config{}.credit_bytes;
    std::size_t peak_step_bytes_ = per_tag_config{}.peak_step_bytes;
};

}  // namespace framealloc::budget
