// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/explanation.hpp>

namespace framealloc::inline v0_1 {

/// Says what an address is, whose, where it was allocated and where it was freed: any address, garbage included. Nothing is
/// read but what is known to be there. It knows the blocks of instances that keep records, such as `smart_alloc_debug`, and the
/// calling thread's frames in them. The compiled part of the library has it.
///
///   Cost      O(instances + heap blocks + objects in the frame), and a read of the process's map. For reports and debuggers.
///   Threads   Any. A block that another thread frees meanwhile may be told as it was or as it is.
[[nodiscard]] explanation explain(void const* address) noexcept;

}  // namespace framealloc

/// The same on standard error, for a debugger: `call framealloc_explain(p)`.
extern "C" void framealloc_explain(void const* address) noexcept;
