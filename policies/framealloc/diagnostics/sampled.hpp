// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/diagnostics/none.hpp>

namespace framealloc::inline v0_1::diagnostics {

/// Diagnostics for programs in use: of the blocks of pools that a thread allocates, one in `N` on average lies between pages
/// that cannot be touched, and cannot be touched after it is freed. What traps there is named as with `guarded`. Heap blocks
/// and frames are not sampled.
///
/// Choose it where `guarded` is too dear and mistakes show only at users. `1` guards each block until the slots run out.
///
///   Cost      Two instructions more per allocation and five per typed free; for the block that it falls to, some system
///             calls and two stack walks. 128 slots of a page each, of the process: blocks that find none are not guarded.
///   Threads   Any.
///   Failure   What it finds at a free is reported, and the call is ignored; what traps ends the program, as it would have
///             ended without a report, or gone on with other data.
///   Lifetime  A slot is used again when all others have been, so that what was freed stays forbidden for long.
///   Source    GWP-ASan, as in TCMalloc and LLVM: K. Serebryany et al., "GWP-ASan: sampling-based detection of memory-safety
///             bugs in production", ICSE-SEIP 2024.
template <std::size_t N = 5000>
struct sampled : none {
    static_assert(N >= 1 && N <= (std::size_t{1} << 30), "framealloc: diagnostics::sampled<N> takes one block in N");
    static constexpr bool samples_blocks = !FRAMEALLOC_ADDRESS_SANITIZER;
    static constexpr std::size_t sample_interval = N;
};

}  // namespace framealloc::diagnostics
