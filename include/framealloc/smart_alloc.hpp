// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/basic_smart_alloc.hpp>

#include <framealloc/pool/none.hpp>
#include <framealloc/sync/single_threaded.hpp>

namespace framealloc::inline v0_1 {

/// The default assembly: frames in growing chunks, pools of 8 to 4096 bytes, large blocks from the system, any number of
/// threads, nothing counted or checked beyond what is free.
using smart_alloc = basic_smart_alloc<>;

/// Frames and heap blocks only: no pool machinery. Pool requests are served by the heap path.
using smart_alloc_minimal = basic_smart_alloc<pool::none>;

/// For one thread: its state lives inside the object.
using smart_alloc_single_threaded = basic_smart_alloc<sync::single_threaded>;

}  // namespace framealloc
