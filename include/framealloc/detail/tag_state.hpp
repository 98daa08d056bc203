// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/detail/pool_charges.hpp>
#include <framealloc/detail/tag_hooks.hpp>

namespace framealloc::inline v0_1::detail {

/// Where there are no pools there is only the tag that heap blocks are charged to.
template <class A, bool HasPools = (A::pool::class_count != 0)>
struct pool_part_of_tags : pool_charges<A> {};
template <class A>
struct pool_part_of_tags<A, false> {
    [[nodiscard]] bool give_back_credit(typename A::budget&) noexcept { return false; }
    [[nodiscard]] std::size_t unspent(tag_id) const noexcept { return 0; }
};

/// The tag that a thread allocates under, and how many scopes deep: one word, so that a scope reads and writes it at once.
///
///     31                    8 7      0
///     [ open scopes           | tag  ]
class tag_and_depth {
public:
    [[nodiscard]] FRAMEALLOC_HOT unsigned word() const noexcept { return word_; }
    FRAMEALLOC_HOT void set(unsigned word) noexcept { word_ = word; }
    [[nodiscard]] FRAMEALLOC_HOT unsigned tag() const noexcept { return word_ & 0xFF; }

    /// One scope deeper, under `to`.
    [[nodiscard]] FRAMEALLOC_HOT static unsigned inside(unsigned word, unsigned to) noexcept {
        return (word | 0xFF) + 1 + to;
    }
    /// Whether the scope that was entered at `before` is the innermost of `now`.
    [[nodiscard]] FRAMEALLOC_HOT static bool is_innermost(unsigned before, unsigned now) noexcept {
        return ((before + one_scope) ^ now) <= 0xFF;
    }
    [[nodiscard]] static constexpr unsigned depth(unsigned word) noexcept { return word >> 8; }

private:
    static constexpr unsigned one_scope = 0x100;
    unsigned word_ = root_tag;
};

/// The tag that a thread allocates under, and what it owes the budget for it.
template <class A>
struct tag_state : pool_part_of_tags<A> {
    tag_and_depth current{};
    bool in_listener = false;

    [[nodiscard]] tag_id tag() const noexcept { return static_cast<tag_id>(current.tag()); }

    /// Credit for a pool block under the present tag. False, and `why`, where a limit is in the way. A listener may throw.
    template <class State>
    [[nodiscard]] bool get_pool_credit(State& s, std::size_t bytes, fault& why);
};

}  // namespace framealloc::inline v0_1::detail
