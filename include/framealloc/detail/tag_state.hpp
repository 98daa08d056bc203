// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/detail/pool_charges.hpp>
#include <framealloc/policy.hpp>

namespace framealloc::inline v0_1::detail {

/// Where there are no pools there is only the tag that heap blocks are charged to.
template <class A, bool HasPools = (A::pool::class_count != 0)>
struct pool_part_of_tags : pool_charges<A> {};
template <class A>
struct pool_part_of_tags<A, false> {
    tag_id current = root_tag;

    [[nodiscard]] tag_id tag() const noexcept { return current; }
    void switch_to(tag_id t) noexcept { current = t; }
    [[nodiscard]] bool give_back_credit(typename A::budget&) noexcept { return false; }
    [[nodiscard]] std::size_t unspent(tag_id) const noexcept { return 0; }
};

/// The tag that a thread allocates under, and what it owes the budget for it.
template <class A>
struct tag_state : pool_part_of_tags<A> {
    unsigned open_scopes = 0;
    bool in_listener = false;

    /// Credit for a pool block under the present tag. False, and `why`, where a limit is in the way. A listener may throw.
    template <class State>
    [[nodiscard]] bool get_pool_credit(State& s, std::size_t bytes, fault& why);
};

struct no_tag_state {};
template <class A, bool Tags = charges_tags<typename A::budget>>
struct choose_tag_state {
    using type = tag_state<A>;
};
template <class A>
struct choose_tag_state<A, false> {
    using type = no_tag_state;
};

}  // namespace framealloc::inline v0_1::detail
