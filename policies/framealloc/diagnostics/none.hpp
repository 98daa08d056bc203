// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/policy.hpp>

namespace framealloc::inline v0_1::diagnostics {

/// Diagnostics: what costs nothing. The default, for release builds.
///
/// Sizes, alignments, limits, frame requests outside a frame, checkpoints out of order, frees of heap blocks that are not
/// there, and of pointers that cannot be ours when freed by address alone, are still refused and named. Bytes and live
/// blocks are known from cursors. Choose `counters` for operation counts, `checked` to find mistakes.
///
///   Cost      No byte, no instruction.
///   Threads   Any.
///   Failure   A misuse that is seen is reported, and the call is ignored.
///   Lifetime  Stateless.
struct none {
    using family = diagnostics_family;

    static constexpr bool counts_operations = false;
    static constexpr bool checks_blocks = false;
    static constexpr bool fills_released = false;
    static constexpr bool stops_on_misuse = false;

    struct thread_part {
        constexpr void on_frame_allocate(std::size_t) noexcept {}
        constexpr void on_pool_allocate(std::size_t) noexcept {}
        constexpr void on_pool_free() noexcept {}
        constexpr void on_heap_allocate(std::size_t) noexcept {}
        constexpr void on_heap_free() noexcept {}
        [[nodiscard]] constexpr operation_counts counts() const noexcept { return {}; }
    };
};

}  // namespace framealloc::diagnostics
