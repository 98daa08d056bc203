// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/object_pool/basic_object_pool.hpp>

namespace framealloc::inline v0_1 {

namespace detail {
template <class Pool>
struct frame_drop {
    Pool& pool;
    std::chrono::nanoseconds budget;
    ~frame_drop() {
        if (budget < std::chrono::nanoseconds::max()) {
            static_cast<void>(pool.drop_pending(budget));
        } else {
            static_cast<void>(pool.drop_pending());
        }
    }
};
}  // namespace detail

/// Sees to it that what waits in `pool`, one with `drop::deferred`, ends with the calling thread's open frame of `alloc`: what has
/// been given back until then, as far as `budget` lasts. Call it once a frame.
///
///   Cost      An object with a destructor in the frame.
///   Failure   As `alloc.frame_new`: FA001 outside of a frame.
///   Lifetime  The pool outlives the frame.
template <class Alloc, class Pool>
void drop_at_frame_end(Alloc& alloc, Pool& pool, std::chrono::nanoseconds budget = std::chrono::nanoseconds::max()) {
    static_assert(Pool::defers_drop,
                  "framealloc: a pool whose objects end at once has nothing that waits; see drop::deferred");
    static_assert(Pool::ends_quietly, "framealloc: hooks that throw cannot be called at the end of a frame");
    static_cast<void>(alloc.template frame_new<detail::frame_drop<Pool>>(pool, budget));
}

}  // namespace framealloc
