// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/backend/guard_pages.hpp>
#include <framealloc/backend/split.hpp>
#include <framealloc/backend/system.hpp>
#include <framealloc/detail/block_seal.hpp>
#include <framealloc/detail/slab_guards.hpp>
#include <framealloc/diagnostics/hardened.hpp>
#include <framealloc/smart_alloc.hpp>

namespace framealloc::inline v0_1 {

/// The assembly for what is shipped and given input by others: what `diagnostics::hardened` checks, and pages that cannot be
/// touched around regions, frame chunks and the instance's own records.
using smart_alloc_hardened =
    basic_smart_alloc<diagnostics::hardened, backend::split<backend::guard_pages<>, backend::system>>;

}  // namespace framealloc
