// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/detail/tag_hooks.hpp>

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
class tag_scope<A, true>;

}  // namespace framealloc
