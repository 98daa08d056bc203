// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/detail/budget_node.hpp>
#include <framealloc/detail/core.hpp>
#include <framealloc/detail/frame_charges.hpp>
#include <framealloc/detail/tag_state.hpp>

// What a thread does when the credit of a tag has run out: charge the tree, tell the listener, ask it, or say why not. Only
// for budgets that charge tags. No lock is held in here.

namespace framealloc::inline v0_1::detail {

/// One request, on its way past the limits of the tree.
template <class A>
class charged_request {
    using budget_type = typename A::budget;

public:
    charged_request(core<A>& owner, thread_state<A>* s, allocation_intent intent, layout request) noexcept
        : core_(owner), state_(s), intent_(intent), request_(request) {}

    /// Charges `need` bytes and perhaps `ahead` more, and hands what was charged to `keep` before anybody is told. True where
    /// the caller is to look again at what it has: perhaps the charge had to wait for the thread's own credit to go back, or
    /// for the listener to make room. False, and `why`, where a limit is in the way; nothing has changed then.
    template <class Keep>
    [[nodiscard]] bool charge(tag_id tag, std::size_t need, std::size_t ahead, fault& why, Keep&& keep) {
        budget_crossings crossed;
        if (std::size_t const got = budget().charge(tag, intent_, need, ahead, may_pass_, crossed)) {
            keep(got);
            tell(crossed);
            return true;
        }
        // What this thread has been credited, for any tag, is the first to go. It may be part of what the caller has.
        if (!gave_back_) {
            gave_back_ = true;
            if (give_back_own_credit()) return true;
        }
        tag_id const by = crossed.limited_by;
        limit_action const action = budget().node(by).action();
        budget_event const event = about({budget_event_kind::hard_limit_exceeded, by});
        core_.gate().note(fault_code::tag_budget_exceeded);  // in case the listener throws
        if (budget().note_refused(by)) tell(event);
        if (action == limit_action::ask && asked_++ < 16) {
            limit_decision const answer = ask(event);
            may_pass_ = answer == limit_decision::allow;
            gave_back_ = false;  // what the listener has freed is credit of this thread
            if (answer != limit_decision::refuse) return true;
        }
        core_.gate().note(fault_code::tag_budget_exceeded);
        why = {.code = fault_code::tag_budget_exceeded,
               .note = "asked for %llu bytes; %llu of %llu bytes are used",
               .numbers = {request_.bytes, budget().node(by).used.load(order::relaxed), budget().node(by).hard.get()},
               .tag = tag,
               .limited_by = by,
               .write_subject = &write_fault_subject};
        return false;
    }

    /// Tells what the whole instance has crossed meanwhile. True where the listener has made room and wants another try.
    [[nodiscard]] bool tell_of_instance(bool refused) {
        using events = typename budget_type::instance_event;
        unsigned const crossed = budget().take_instance_events();
        if ((crossed & events::above_soft) != 0) tell(about_instance(false));
        if ((crossed & events::above_hard) != 0) tell(about_instance(true));
        if (!refused || budget().instance_budget().action() != limit_action::ask || asked_for_instance_++ == 16)
            return false;
        return ask(about_instance(true)) == limit_decision::retry;
    }

    void tell(budget_event const& event) {
        budget_listener* const listener = budget().listener();
        if (listener == nullptr || state_ == nullptr || state_->tags.in_listener) return;
        inside const mark{state_->tags.in_listener};
        listener->on_event(event);
    }
    [[nodiscard]] limit_decision ask(budget_event const& event) {
        budget_listener* const listener = budget().listener();
        if (listener == nullptr || state_ == nullptr || state_->tags.in_listener) return limit_decision::refuse;
        inside const mark{state_->tags.in_listener};
        return listener->on_hard_limit(event);
    }

private:
    struct inside {
        bool& flag;
        explicit inside(bool& f) noexcept : flag(f) { flag = true; }
        ~inside() { flag = false; }
        inside(inside const&) = delete;
        inside& operator=(inside const&) = delete;
    };

    [[nodiscard]] budget_type& budget() noexcept { return core_.gate().budget(); }

    [[nodiscard]] bool give_back_own_credit() noexcept {
        if (state_ == nullptr) return false;
        bool const pools = state_->tags.give_back_credit(budget());
        return state_->frame.charges().give_back_credit(state_->window, budget()) || pools;
    }

    void tell(budget_crossings const& crossed) {
        if (crossed.count == 0 || budget().listener() == nullptr) return;
        for (std::size_t i = 0; i < crossed.count; ++i) tell(about(crossed.list[i]));
    }
    [[nodiscard]] budget_event about(budget_crossings::crossing const& c) noexcept {
        auto const& node = budget().node(c.tag);
        return {.kind = c.kind,
                .scope = budget_scope::tag,
                .path = known_tags.path(c.tag),
                .used_bytes = node.used.load(order::relaxed),
                .limit_bytes = c.kind == budget_event_kind::new_peak              ? c.before
                               : c.kind == budget_event_kind::soft_limit_exceeded ? node.soft.get()
                                                                                  : node.hard.get(),
                .requested_bytes = request_.bytes,
                .intent = intent_};
    }
    [[nodiscard]] budget_event about_instance(bool hard) noexcept {
        auto const& total = budget().instance_budget();
        return {.kind = hard ? budget_event_kind::global_limit_exceeded : budget_event_kind::soft_limit_exceeded,
                .scope = budget_scope::instance,
                .path = "",
                .used_bytes = total.used.load(order::relaxed),
                .limit_bytes = hard ? total.hard.get() : total.soft.get(),
                .requested_bytes = request_.bytes,
                .intent = intent_};
    }

    core<A>& core_;
    thread_state<A>* state_;
    allocation_intent intent_;
    layout request_;
    unsigned asked_ = 0, asked_for_instance_ = 0;
    bool gave_back_ = false;
    bool may_pass_ = false;  // the listener has said so
};

/// A heap block is charged by itself: its path is long anyway. So is what a facility keeps, which is the heap's then.
/// `take(tag)` answers the block or null, and is asked again where a listener has made room; `undo(block)` takes it back, with
/// its charge.
template <class A, class Take, class Undo>
[[nodiscard]] void* serve_charged(core<A>& owner, layout request, fault& why, Take&& take, Undo&& undo) {
    if (!request.is_possible()) {
        why = owner.why_no_heap_block(request);
        return nullptr;
    }
    thread_state<A>* const s = owner.state();
    tag_id const tag = s != nullptr ? s->tags.tag() : root_tag;
    auto& budget = owner.gate().budget();
    charged_request<A> ask{owner, s, allocation_intent::heap, request};
    struct charged_bytes {
        decltype(budget) to;
        tag_id tag;
        std::size_t bytes = 0;
        ~charged_bytes() {
            if (bytes != 0) to.refund(tag, allocation_intent::heap, bytes);
        }
    } charged{budget, tag};
    while (charged.bytes != request.bytes) {
        if (!ask.charge(tag, request.bytes, 0, why, [&](std::size_t got) { charged.bytes = got; })) {
            owner.count_refusal(why.code);
            return nullptr;
        }
    }
    struct freed_on_throw {
        Undo& undo;
        void* block;
        ~freed_on_throw() {
            if (block != nullptr) undo(block);
        }
    };
    for (;;) {
        freed_on_throw given{undo, take(tag)};
        if (given.block != nullptr) {
            charged.bytes = 0;  // the block's, from now on
            static_cast<void>(ask.tell_of_instance(false));
            void* const p = given.block;
            given.block = nullptr;
            return p;
        }
        if (!ask.tell_of_instance(owner.gate().refusal() == fault_code::budget_exceeded)) {
            why = owner.why_no_heap_block(request);
            return nullptr;
        }
    }
}
template <class A>
[[nodiscard]] void* serve_charged_heap(core<A>& owner, layout request, fault& why) {
    return serve_charged(
        owner, request, why, [&](tag_id tag) { return owner.serve_heap(request, tag); },
        [&](void* block) { static_cast<void>(owner.heap_part().free(block)); });
}

template <class A>
template <class State>
bool tag_state<A>::get_pool_credit(State& s, std::size_t bytes, fault& why) {
    charged_request<A> ask{s.shared(), &s, allocation_intent::pool, {.bytes = bytes, .align = 1}};
    auto& budget = s.shared().gate().budget();
    for (;;) {
        tag_id const t = this->tag();
        std::size_t const have = this->merge(t), most = budget.credit_for(t);
        this->make_room(t, most);
        if (have >= bytes) return true;
        // An eighth of what the tag has, so that what is charged, and its peak, are never much more than what is used.
        std::size_t const some = budget.node(t).own_bytes(allocation_intent::pool) / 8;
        std::size_t const ahead = some < 4096 ? 4096 : some;
        if (!ask.charge(t, bytes - have, ahead < most ? ahead : most, why,
                        [&](std::size_t got) { this->add_credit(t, got); })) {
            return false;
        }
    }
}

template <class A>
void* thread_state<A>::serve_charged_pool(layout request, std::size_t c, fault& why) {
    charged_request<A> ask{*core_, this, allocation_intent::pool, request};
    magazine& m = this->magazines[c];
    follow_trim();
    for (;;) {
        if (!tags.get_pool_credit(*this, A::pool::class_bytes(c), why)) return nullptr;
        void* const p = pools.refill(m, c, core_->pools_);
        if (p != nullptr && !core_->gate().budget().has_instance_event()) {
            static_cast<void>(tags.charge(p, c, tags.tag()));  // there is credit for it
            return pool_is_served(p, request);
        }
        if (p != nullptr) pools.overflow(m, c, p, core_->pools_);
        bool const refused = p == nullptr && core_->gate().refusal() == fault_code::budget_exceeded;
        if (!ask.tell_of_instance(refused) && p == nullptr) {
            why = latest_refusal(core_->gate(), request);
            return nullptr;
        }
    }
}

/// Serves a request of an open frame that the window did not: charges what it takes, and has the arena make room.
template <class A>
void* thread_state<A>::serve_charged(layout request, layout whole, fault& why) {
    charged_request<A> ask{*core_, this, allocation_intent::frame, request};
    auto& charges = frame.charges();
    std::size_t need = round_up(whole.bytes + (whole.bytes == 0), granule);
    why.code = fault_code::internal;
    for (;;) {
        auto source = chunks();
        if (charges.tag() != tags.tag()) charges.switch_watched(this->window, tags.tag(), source);
        bool const watched = frame.is_watched();
        if (watched && !charges.make_room(source)) {
            why = latest_refusal(core_->gate(), request);
            return nullptr;
        }
        std::size_t const used = frame.used_bytes(this->window);
        if (need > charges.most() || used > charges.most() - need) {
            if (!may_use(need, request, why)) return nullptr;
            continue;
        }
        std::size_t const credit = charges.credit(this->window);
        if (credit < need) {
            tag_id const t = charges.tag();
            std::size_t const most = core_->gate().budget().credit_for(t), some = charges.used(this->window) / 8;
            // In granules, as the window's limit has to be.
            std::size_t const ahead = some < 1024 ? 1024 : some & ~(granule - 1);
            if (!ask.charge(t, need - credit, ahead < most ? ahead : most, why,
                            [&](std::size_t got) { charges.grant(t, got); })) {
                charges.lower_again(this->window);
                return nullptr;
            }
            continue;  // a listener may have allocated meanwhile
        }
        charges.lift(this->window);
        frame_position const before = frame.position(this->window);
        void* const p = frame.allocate(this->window, whole, source);
        std::size_t const bytes = frame.used_bytes(this->window) - used;
        if (p != nullptr && core_->gate().budget().has_instance_event()) {
            frame.rewind_uncharged(this->window, before, source);
            static_cast<void>(ask.tell_of_instance(false));
            continue;
        }
        if (p != nullptr && bytes <= credit && bytes <= charges.most() - used) {
            charges.served(this->window, before.cursor, bytes, used + bytes, watched);
            return p;
        }
        if (p == nullptr) {
            charges.lower(this->window, used);
            bool const refused = core_->gate().refusal() == fault_code::budget_exceeded;
            if (ask.tell_of_instance(refused)) continue;
            why.code = fault_code::arena_exhausted;
            return nullptr;
        }
        // Its alignment took more.
        frame.rewind_uncharged(this->window, before, source);
        need = bytes > need ? bytes : need + granule;
    }
}

/// The thread's own limit is in the way of `bytes`. True where it gives way.
template <class A>
bool thread_state<A>::may_use(std::size_t bytes, layout request, fault& why) {
    auto& charges = frame.charges();
    charged_request<A> ask{*core_, this, allocation_intent::frame, request};
    budget_limits const limits = charges.limits();
    std::size_t const used = frame.used_bytes(this->window);
    bool const is_soft = charges.most() < limits.hard;
    budget_event const event{
        .kind = is_soft ? budget_event_kind::soft_limit_exceeded : budget_event_kind::hard_limit_exceeded,
        .scope = budget_scope::frames_of_a_thread,
        .path = "",
        .used_bytes = used,
        .limit_bytes = charges.most(),
        .requested_bytes = request.bytes,
        .intent = allocation_intent::frame};
    auto const go_on_to = [&](std::size_t most) {
        charges.set_most(most);
        charges.lift(this->window);
        charges.lower(this->window, used);
    };
    if (is_soft) {
        go_on_to(limits.hard);
        ask.tell(event);
        return true;
    }
    bool const refuses = limits.at_hard == limit_action::refuse || limits.at_hard == limit_action::ask;
    if (limits.at_hard != limit_action::allow && charges.note_refused()) ask.tell(event);
    // There is no second try: a frame only grows.
    if (!refuses || (limits.at_hard == limit_action::ask && ask.ask(event) == limit_decision::allow)) {
        go_on_to(no_limit);
        return true;
    }
    why = {.code = fault_code::frame_budget_exceeded,
           .note = "asked for %llu bytes; %llu of the thread's %llu bytes per frame are used",
           .numbers = {bytes, used, limits.hard}};
    return false;
}

template <class A>
bool thread_state<A>::get_frame_credit(std::size_t bytes) noexcept {
    if constexpr (has_tags) {
        fault why;
        auto& charges = frame.charges();
        std::size_t const need = round_up(bytes, granule);
        if (charges.tag() != tags.tag() || charges.room_in_chunk(this->window) < need) return false;
        std::uintptr_t const cursor = this->window.at();
        charged_request<A> ask{*core_, this, allocation_intent::frame, {.bytes = need}};
        bool const has_credit = without_throwing<A>(why, [&]() -> void* {
            while (need > charges.most() || frame.used_bytes(this->window) > charges.most() - need) {
                if (!may_use(need, {.bytes = need}, why)) return nullptr;
            }
            for (tag_id const t = charges.tag(); charges.credit(this->window) < need;) {
                if (!ask.charge(t, need - charges.credit(this->window), 0, why,
                                [&](std::size_t got) { charges.grant(t, got); })) {
                    return nullptr;
                }
            }
            return this;
        });
        charges.lower_again(this->window);
        return has_credit && this->window.at() == cursor;  // or a listener has allocated behind it meanwhile
    } else {
        return false;
    }
}

/// Like `frame.allocate`, charged: for an arena that grows in place.
template <class A>
void* thread_state<A>::serve_more(layout request) noexcept {
    fault why;
    return without_throwing<A>(why, [&] { return serve_charged(request, request, why); });
}

/// Whether credit that frees have brought suffices for a block for which there was none.
template <class A>
bool thread_state<A>::pool_charged_by_surplus(void* block, std::size_t c) noexcept {
    tag_id const t = tags.tag();
    std::size_t const bytes = A::pool::class_bytes(c);
    tags.undo_charge(bytes, t);
    if (tags.merge_and_keep_room(t) < bytes) return false;
    return tags.charge(block, c, t);
}
/// A block has been taken out of its magazine, and there is no credit for it. It goes back before anybody is asked.
template <class A>
void* thread_state<A>::pool_uncharged(void* block, layout request, std::size_t c) noexcept {
    if (pool_charged_by_surplus(block, c)) return pool_is_served(block, request);
    magazine& m = this->magazines[c];
    push(m, m.full_bits, core_->pool_part().seal, block, [] {}, [] {});
    return pool_miss(request, c);
}
template <class A>
void* thread_state<A>::pool_uncharged_or_throw(void* block, layout request, std::size_t c) {
    if (pool_charged_by_surplus(block, c)) return pool_is_served(block, request);
    magazine& m = this->magazines[c];
    push(m, m.full_bits, core_->pool_part().seal, block, [] {}, [] {});
    return pool_miss_or_throw(request, c);
}
/// A block is in its magazine, and its tag's room for surplus has run out, or it has no tag: then it was free already.
template <class A>
void thread_state<A>::pool_uncredited(void* block, std::size_t c, std::size_t tag) noexcept {
    if (tag == no_tag) {
        tags.make_room(no_tag, 0);
        static_cast<void>(
            pop(this->magazines[c], core_->pool_part().seal, [](void*) {}, []() -> void* { return nullptr; }));
        return core_->report_double_free(block, c);
    }
    if constexpr (A::diagnostics::counts_operations) counted.on_pool_free();
    tags.settle(static_cast<tag_id>(tag), A::pool::class_bytes(c), core_->gate().budget());
}

}  // namespace framealloc::inline v0_1::detail
