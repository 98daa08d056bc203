// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/diagnostics/none.hpp>

namespace framealloc::inline v0_1::diagnostics {

/// Diagnostics for programs in use that are given input by others: a mistake stops the program before it can be made use of.
///
/// Every free of a pool block is checked: that the address is the begin of a block of this instance (FA211), of the size
/// that it is freed with (FA212), and that the program holds it (FA210), by a bit in its slab, so that of two threads that
/// free it at once one is found. What magazines hold is sealed with a key of the instance's, and a seal that has been written
/// over is found when the block is next wanted (FA221). The head of a slab, with those bits, lies on pages of its own, between
/// pages that cannot be touched.
///
/// Choose it for what is shipped, and `checked` for what is debugged: no place is remembered, nothing is filled, and what is
/// written beyond the end of a block into its neighbour is not found. With `backend::guard_pages` regions, chunks and the
/// instance's own records lie between such pages, too; `smart_alloc_hardened` has both.
///
///   Cost      Two locked instructions per pair of pool operations and some ninety others; frames nothing. 12 KiB of the
///             64 of a slab, and two system calls when one is made.
///   Threads   Any.
///   Failure   Reports through the fault handler, which stops the program unless it was replaced.
///   Lifetime  None: it holds no state.
///   Source    Scudo, LLVM's hardened allocator, for the checks; snmalloc for metadata between guard pages.
struct hardened : none {
    static constexpr bool checks_blocks = true;
    static constexpr bool stops_on_misuse = true;
    static constexpr bool seals_blocks = true;
    /// Guards are of this size, where the system's pages are not larger, and where the backend has virtual memory.
    static constexpr std::size_t head_guard_bytes = 4096;
};

}  // namespace framealloc::diagnostics
