// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/detail/contract_observer.hpp>
#include <framealloc/detail/record_keeper.hpp>
#include <framealloc/diagnostics/checked.hpp>
#include <framealloc/smart_alloc.hpp>

namespace framealloc::inline v0_1 {

/// The debug assembly: what `diagnostics::checked` finds, it names, with the places of the mistake and of the allocation.
/// In a header of its own, so that a release build does not read what it does not use.
using smart_alloc_debug = basic_smart_alloc<diagnostics::checked>;

}  // namespace framealloc
