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
public:
    template <class Tag>
    FRAMEALLOC_HOT tag_scope(detail::core<A>& owner, Tag const& tag)
        : state_(owner.state_or_throw()), before_(state_.tags.tag()), depth_(++state_.tags.open_scopes) {
        state_.switch_tag(tag.id());
    }
    FRAMEALLOC_HOT ~tag_scope() {
        detail::core<A>& owner = state_.shared();
        if (&owner.hot() != &state_ || state_.tags.open_scopes != depth_) [[unlikely]] {
            leave_askew(owner);
        } else {
            state_.tags.open_scopes = depth_ - 1;
            state_.switch_tag(before_);
        }
    }
    tag_scope(tag_scope const&) = delete;
    tag_scope& operator=(tag_scope const&) = delete;

private:
    FRAMEALLOC_COLD void leave_askew(detail::core<A>& owner) {
        if (owner.state_if_any() != &state_) {
            return detail::report_misuse<A>(fault_code::tag_scope_out_of_order,
                                            "scope %llu of one thread was left on thread %llu: its own goes on under its tag",
                                            depth_, detail::core<A>::thread_number());
        }
        if (state_.tags.open_scopes < depth_) return;  // one around it was left before, and that was reported
        if (state_.tags.open_scopes > depth_) {
            detail::report_misuse<A>(fault_code::tag_scope_out_of_order,
                                     "scope %llu of thread %llu was left while scope %llu is open: all of them end", depth_,
                                     detail::core<A>::thread_number(), state_.tags.open_scopes);
        }
        state_.tags.open_scopes = depth_ - 1;
        state_.switch_tag(before_);
    }

    detail::thread_state<A>& state_;
    std::uint8_t before_;
    unsigned depth_;
};

}  // namespace framealloc
