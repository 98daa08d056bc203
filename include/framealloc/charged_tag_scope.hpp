// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/detail/charged_paths.hpp>
#include <framealloc/detail/slow_paths.hpp>
#include <framealloc/detail/tag_balance.hpp>
#include <framealloc/tag_scope.hpp>

namespace framealloc::inline v0_1 {

namespace detail {
template <class A>
struct tag_machinery {};
}  // namespace detail

/// The scope where tags are charged.
template <class A>
class [[nodiscard]] tag_scope<A, true> {
    using tag_and_depth = detail::tag_and_depth;

public:
    template <class Tag>
    FRAMEALLOC_HOT tag_scope(detail::core<A>& owner, Tag const& tag)
        : state_(owner.state_or_throw()), before_(state_.tags.current.word()) {
        std::size_t const to = tag.number();
        state_.switch_tag(tag_and_depth::inside(before_, static_cast<unsigned>(to)), to);
    }
    FRAMEALLOC_HOT ~tag_scope() {
        if (!state_.is_this_threads() || !tag_and_depth::is_innermost(before_, state_.tags.current.word()))
            [[unlikely]] {
            leave_askew(state_, before_, detail::here<A>());
        } else {
            state_.switch_tag(before_, before_ & 0xFF);
        }
    }
    tag_scope(tag_scope const&) = delete;
    tag_scope& operator=(tag_scope const&) = delete;

private:
    /// Of values, so that a scope stays in registers.
    FRAMEALLOC_COLD static void leave_askew(detail::thread_state<A>& state, unsigned before, detail::site_of<A> at) {
        [[maybe_unused]] detail::called_at<A> const here{at};
        unsigned const mine = tag_and_depth::depth(before) + 1;
        if (!state.is_this_threads()) {
            return detail::report_misuse(
                state.shared(), fault_code::tag_scope_out_of_order,
                "scope %llu of one thread was left on thread %llu: its own goes on under its tag", mine,
                detail::core<A>::thread_number());
        }
        unsigned const open = tag_and_depth::depth(state.tags.current.word());
        if (open < mine) return;  // one around it was left before, and that was reported
        detail::report_misuse(state.shared(), fault_code::tag_scope_out_of_order,
                              "scope %llu of thread %llu was left while scope %llu is open: all from it on end", mine,
                              detail::core<A>::thread_number(), open);
        state.switch_tag(before, before & 0xFF);
    }

    detail::thread_state<A>& state_;
    unsigned before_;
};

}  // namespace framealloc::inline v0_1
