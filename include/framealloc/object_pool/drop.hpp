// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/object_pool/object_pool_policy.hpp>

// When the objects that are given back end.

namespace framealloc::inline v0_1::drop {

/// Drop: an object that is given back ends there and then. The default.
struct now {
    using family = object_drop_family;
    static constexpr bool defers = false;
};

/// Drop: an object that is given back waits, as it is, and ends in the pool's `drop_pending()`: at the end of a frame, for as long
/// as a time budget lasts, or on another thread where the sync policy has several. Until then its slot is taken. The oldest ends
/// first.
///
///   Cost      8 bytes per slot. Giving back is a store and a push, whatever the object's end costs.
///   Failure   A pool that is out of slots and may not grow ends what waits before it refuses.
struct deferred {
    using family = object_drop_family;
    static constexpr bool defers = true;
};

}  // namespace framealloc::drop
