// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/object_pool/basic_object_pool.hpp>

namespace framealloc::inline v0_1 {

/// A pool with `N` slots within itself, which asks nobody for memory: `static static_pool<enemy, 100> enemies;`. For one thread;
/// further policies may follow.
template <class T, std::size_t N, class... Policies>
using static_pool = basic_object_pool<T, storage::in_place<N>, Policies...>;

}  // namespace framealloc
