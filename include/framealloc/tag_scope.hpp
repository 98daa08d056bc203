// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/detail/slow_paths.hpp>

namespace framealloc::inline v0_1 {

/// While it lives, what its thread allocates from the instance is charged to a tag: frame, pool and heap alike. It nests; the
/// innermost counts. What is freed is credited to the tag that it was charged to, whoever frees it and under which tag.
///
/// It stays on the thread and in the block that made it: left out of order or on another thread, it is reported (FA203). With
/// a budget that charges no tags it is an empty object and costs nothing.
///
///   Cost      Entering and leaving are at most 30 instructions each, and O(1) more while a scope or a checkpoint of the frame
///             is open.
///   Threads   Each thread has a tag of its own; a new thread begins with none.
///   Failure   The constructor throws `allocation_failure` when the thread has no state and cannot get one.
template <class A, bool Tags = charges_tags<typename A::budget>>
class [[nodiscard]] tag_scope {
public:
    template <class Tag>
    constexpr tag_scope(detail::core<A>&, Tag const&) noexcept {}
    constexpr ~tag_scope() {}
    tag_scope(tag_scope const&) = delete;
    tag_scope& operator=(tag_scope const&) = delete;
};

template <class A>
class [[nodiscard]] tag_scope<A, true> {
    using tag_and_depth = detail::tag_and_depth;

public:
    template <class Tag>
    FRAMEALLOC_HOT tag_scope(detail::core<A>& owner, Tag const& tag)
        : state_(owner.state_or_throw()), before_(state_.tags.current.word()) {
        unsigned const to = tag.number();
        state_.switch_tag(tag_and_depth::inside(before_, to), to);
    }
    FRAMEALLOC_HOT ~tag_scope() {
        if (!state_.is_this_threads() || !tag_and_depth::is_innermost(before_, state_.tags.current.word()))
            [[unlikely]] {
            leave_askew(state_, before_);
        } else {
            state_.switch_tag(before_, before_ & 0xFF);
        }
    }
    tag_scope(tag_scope const&) = delete;
    tag_scope& operator=(tag_scope const&) = delete;

private:
    /// Of values, so that a scope stays in registers.
    FRAMEALLOC_COLD static void leave_askew(detail::thread_state<A>& state, unsigned before) {
        unsigned const mine = tag_and_depth::depth(before) + 1;
        if (!state.is_this_threads()) {
            return detail::report_misuse<A>(
                fault_code::tag_scope_out_of_order,
                "scope %llu of one thread was left on thread %llu: its own goes on under its tag", mine,
                detail::core<A>::thread_number());
        }
        unsigned const open = tag_and_depth::depth(state.tags.current.word());
        if (open < mine) return;  // one around it was left before, and that was reported
        detail::report_misuse<A>(fault_code::tag_scope_out_of_order,
                                 "scope %llu of thread %llu was left while scope %llu is open: all from it on end",
                                 mine, detail::core<A>::thread_number(), open);
        state.switch_tag(before, before & 0xFF);
    }

    detail::thread_state<A>& state_;
    unsigned before_;
};

}  // namespace framealloc
