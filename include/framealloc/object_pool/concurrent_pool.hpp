// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/object_pool/basic_object_pool.hpp>
#include <framealloc/sync/mutex.hpp>

#include <mutex>

namespace framealloc::inline v0_1 {

namespace detail {
/// Storage: what the further policies say; growing by default.
template <class T, class Mutex, bool Said, class... Policies>
struct concurrent_pool_of {
    using type = basic_object_pool<T, sync::mutex<Mutex>, Policies...>;
};
template <class T, class Mutex, class... Policies>
struct concurrent_pool_of<T, Mutex, false, Policies...> {
    using type = basic_object_pool<T, storage::growing, sync::mutex<Mutex>, Policies...>;
};
}  // namespace detail

/// A pool for any number of threads, behind a mutex of type `Mutex`: `std::mutex`, `absl::Mutex`, a spin lock. It grows, unless a
/// storage policy among the further ones says otherwise. No user code runs while the mutex is held.
template <class T, class Mutex = std::mutex, class... Policies>
using concurrent_pool =
    typename detail::concurrent_pool_of<T, Mutex, detail::count_of<object_storage_family, Policies...> != 0,
                                        Policies...>::type;

}  // namespace framealloc
