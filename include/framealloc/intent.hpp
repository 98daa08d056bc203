// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

namespace framealloc::inline v0_1 {

/// What memory is for. It decides the route, the lifetime and the column in every report.
enum class allocation_intent : unsigned char {
    frame,  ///< gone at the end of the frame
    pool,   ///< small objects, given back one by one, on any thread
    heap,   ///< large or long-lived blocks
};

/// Short spelling for the compile-time form: `alloc.allocate<intent::frame, T>()`.
using intent = allocation_intent;

}  // namespace framealloc
