// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <cstddef>

namespace framealloc::inline v0_1 {

/// One size class of an instance's pools at a moment. Exact when its threads are at rest; a consistent guess while they run.
struct size_class_stats {
    std::size_t block_bytes = 0;             ///< of each block
    std::size_t blocks_live = 0;             ///< held by the program
    std::size_t blocks_cached = 0;           ///< free, in magazines and depots
    std::size_t block_count = 0;             ///< that the slabs have room for
    std::size_t slabs = 0;                   ///< that belong to the class now
    std::size_t bytes_reserved = 0;          ///< in those slabs, their heads included
    std::size_t largest_free_run_bytes = 0;  ///< of neighbouring blocks of a slab that are neither live nor cached

    /// The part of the slabs' blocks that the program does not hold: 0 where every block is live, and where there is no
    /// slab; near 1 where a few blocks keep whole slabs.
    [[nodiscard]] double fragmentation() const noexcept {
        if (block_count == 0 || blocks_live >= block_count) return 0;
        return static_cast<double>(block_count - blocks_live) / static_cast<double>(block_count);
    }
    friend bool operator==(size_class_stats const&, size_class_stats const&) noexcept = default;
};

}  // namespace framealloc
