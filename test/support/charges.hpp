// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/detail/block_record.hpp>
#include <framealloc/sizes.hpp>

namespace framealloc::test {

/// What requests of an assembly are served as, and charged as: where records are kept, these are part of pool blocks and of
/// frames.
template <class A>
struct charges {
    using pool = typename A::pool;

    static layout whole(layout request) { return detail::whole_of<A>(request); }
    /// `pool::class_count` for what the heap serves.
    static std::size_t class_of(layout request) { return pool::class_for(whole(request)); }
    static std::size_t pool_bytes(layout request) { return pool::class_bytes(class_of(request)); }
    static std::size_t frame_bytes(layout request) {
        std::size_t const bytes = whole(request).bytes;
        return detail::round_up(bytes != 0 ? bytes : 1, granule);
    }
};

}  // namespace framealloc::test
