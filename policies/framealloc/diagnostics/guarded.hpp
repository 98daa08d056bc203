// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/diagnostics/checked.hpp>

namespace framealloc::inline v0_1::diagnostics {

/// What `basic_guarded` guards, and how long it remembers.
struct guard_options {
    /// The page that cannot be touched lies right before each object, and finds underflows to the byte; where it is false it
    /// lies right behind, and finds overflows, to the byte as far as the object's alignment allows.
    bool guard_left = false;
    /// Blocks that are free, and cannot be touched, at most, of an instance's kind; then the oldest are forgotten.
    std::size_t quarantine_blocks = 16384;
    /// The same in bytes of address space; of frames that are over, in bytes of memory. They take no memory otherwise.
    std::size_t quarantine_bytes = std::size_t{256} << 20;
    /// Frames of a thread during which the memory of one that is over cannot be touched.
    std::size_t frames = 3;
    /// Blocks that are guarded at a time, at most, of the whole process; 0: as many as the system has mappings for.
    std::size_t most_blocks = 0;
};

/// Diagnostics: what `checked` finds, and more, at the very access: each block lies alone on pages of its own, between pages
/// that cannot be touched; blocks that are free, and frames that are over, cannot be touched either.
///
/// A program that touches such a page is told what lies there, what was done, how far off it was, and where that was
/// allocated and freed, with the calls that led there; then it ends of the fault, as it would have anyway.
///
///   Cost      Two system calls per block, two more per free; a page at least, of memory and address space; two mappings, of
///             which the system allows a process some 65,530: when they run short, that is said once (FA310), and the blocks
///             that come then are checked and not guarded. A chunk or more per frame: two system calls.
///   Threads   As `checked`.
///   Failure   As `checked`. The memory comes from the system, beside the backend: what the backend, budgets and statistics
///             see is what they see with `checked`, but for frames, whose chunks are the backend's and some more.
///   Lifetime  As `checked`. Under AddressSanitizer, which sees more, it is `checked`.
///   Source    B. Perens, Electric Fence, 1987, for the pages; the quarantine is that of AddressSanitizer.
template <guard_options Options = guard_options{}, class Clock = monotonic_clock>
struct basic_guarded : basic_checked<Clock> {
    static constexpr bool guards_blocks = !FRAMEALLOC_ADDRESS_SANITIZER;
    static constexpr guard_options guard = Options;
};

/// The same as it is meant to be used first.
struct guarded : basic_guarded<> {};

}  // namespace framealloc::diagnostics
