// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/budget_limits.hpp>

namespace framealloc::inline v0_1 {

/// What one tag has, and may have, in bytes. Exact when the instance's threads are at rest.
struct tag_usage {
    char const* path = "";           ///< "(untagged)" for what is allocated under no tag; stays readable for good
    std::size_t depth = 0;           ///< names in the path, 0 for what is allocated under no tag
    std::size_t frame_bytes = 0;     ///< under this very tag: in open frames, padding included
    std::size_t pool_bytes = 0;      ///< in its pool blocks, as large as their classes
    std::size_t heap_bytes = 0;      ///< in its heap blocks, as asked for
    std::size_t total_bytes = 0;     ///< of the tag and of all beneath it
    std::size_t peak_bytes = 0;      ///< the most that the total has been, or up to the threads' credit more
    std::size_t credited_bytes = 0;  ///< charged to this very tag, and unspent
    budget_limits limits{};

    [[nodiscard]] std::size_t own_bytes() const noexcept { return frame_bytes + pool_bytes + heap_bytes; }
};

/// What a tag used in one frame of one thread.
struct frame_tag {
    char const* path = "";       ///< "(untagged)" for what was allocated under no tag; stays readable for good
    std::size_t bytes_used = 0;  ///< under this very tag, padding included
};

}  // namespace framealloc
