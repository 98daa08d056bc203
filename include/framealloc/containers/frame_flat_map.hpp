// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/containers/frame_buffer_allocator.hpp>

#include <boost/unordered/unordered_flat_map.hpp>

namespace framealloc::inline v0_1 {

/// A hash map in the calling thread's frame: Boost's open-addressing table over the frame, headers only. Unlike Abseil's it
/// keeps what it has when memory is refused.
///
///     frame_flat_map<entity, float> damage{alloc, 200};      // room for 200 before it grows
///     damage[hit] += 10.0F;
///
///   Cost      Amortised O(1). A table that grows is made anew behind the old one, which is the frame's then: give it a capacity
///             where you can. If the table is the frame's last when it goes, its memory is room again at once.
///   Threads   Used on the thread that made it.
///   Failure   `allocation_failure`, and it is as before. Where exceptions are off, reported, and the failure handler is called.
///   Lifetime  Ends before the frame or scope in which it was made, and grows only in the scope in which it was made.
///   Source    Boost.Unordered's `unordered_flat_map`, by J. M. López Muñoz.
template <class Key, class T, class Hash = boost::hash<Key>, class Equal = std::equal_to<Key>,
          class Alloc = smart_alloc>
class frame_flat_map
    : public boost::unordered_flat_map<Key, T, Hash, Equal, frame_buffer_allocator<std::pair<Key const, T>, Alloc>> {
    using base = boost::unordered_flat_map<Key, T, Hash, Equal, frame_buffer_allocator<std::pair<Key const, T>, Alloc>>;

public:
    using allocator_type = typename base::allocator_type;
    using base::base;

    /// Empty, with room for `capacity` entries: it does not grow below that.
    explicit frame_flat_map(typename Alloc::canonical& owner FRAMEALLOC_LIFETIMEBOUND, std::size_t capacity = 0)
        : base(allocator_type{owner}.possible(capacity), allocator_type{owner}) {}
};

}  // namespace framealloc
