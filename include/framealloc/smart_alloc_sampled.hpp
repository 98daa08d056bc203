// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/detail/block_sampler.hpp>
#include <framealloc/diagnostics/sampled.hpp>
#include <framealloc/smart_alloc.hpp>

namespace framealloc::inline v0_1 {

/// The default assembly for programs in use in which one block in 5,000 is guarded: see `diagnostics::sampled`.
using smart_alloc_sampled = basic_smart_alloc<diagnostics::sampled<>>;

}  // namespace framealloc
