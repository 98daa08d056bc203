// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/object_pool/basic_object_pool.hpp>

namespace framealloc::inline v0_1 {

/// A pool that grows by chunks, up to a maximum, while its objects stay where they are:
/// `growing_pool<enemy> enemies{{.capacity = 100, .maximum = 10'000, .growth = growth::linear(100)}};`. For one thread; further
/// policies may follow the type.
template <class T, class... Policies>
using growing_pool = basic_object_pool<T, storage::growing, Policies...>;

}  // namespace framealloc
