// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/object_pool/basic_object_pool.hpp>
#include <framealloc/object_pool/slots/index_stack.hpp>

namespace framealloc::inline v0_1 {

namespace detail {
template <class Storage>
struct default_slots<Storage, sync::lock_free> {
    using type = slots::index_stack<>;
};
}  // namespace detail

/// A pool of as many slots as it is told, for any number of threads, none of which ever waits for another:
/// `lock_free_pool<message> messages{4096};`. Further policies may follow the type. See `slots::index_stack` for how, and why it
/// is right.
template <class T, class... Policies>
using lock_free_pool = basic_object_pool<T, sync::lock_free, Policies...>;

}  // namespace framealloc
