// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/object_pool/basic_object_pool.hpp>

namespace framealloc::inline v0_1 {

/// A pool of as many slots as it is told, in one block that its constructor takes: `fixed_pool<enemy> enemies{1000};`. For one
/// thread; further policies may follow the type.
template <class T, class... Policies>
using fixed_pool = basic_object_pool<T, storage::fixed, Policies...>;

}  // namespace framealloc
