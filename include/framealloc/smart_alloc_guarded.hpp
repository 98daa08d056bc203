// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/detail/guard_keeper.hpp>
#include <framealloc/diagnostics/guarded.hpp>
#include <framealloc/smart_alloc_debug.hpp>

namespace framealloc::inline v0_1 {

/// The assembly that finds the access itself: what `diagnostics::guarded` guards traps, and is named with both stacks. In a
/// header of its own, as `smart_alloc_debug` is.
using smart_alloc_guarded = basic_smart_alloc<diagnostics::guarded>;

}  // namespace framealloc
