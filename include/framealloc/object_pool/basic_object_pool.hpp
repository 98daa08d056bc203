// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/object_pool/composed_object_pool.hpp>

namespace framealloc::inline v0_1 {

namespace detail {

template <class T>
inline constexpr bool is_poolable = std::is_object_v<T> && !std::is_array_v<T>;
template <class T>
struct require_poolable {
    static_assert(is_poolable<T>, "framealloc: an object pool is of objects, not arrays or references");
};

/// Stands in for a pool that was complained about, so that nothing more is said of its use.
template <class Pool>
struct refused_object_pool : Pool {
    template <class... Args>
    explicit refused_object_pool(Args&&...) {}
};
template <class T, class Assembled>
struct object_pool_of {
    using type = refused_object_pool<composed_object_pool<std::conditional_t<is_poolable<T>, T, int>,
                                                          typename decltype(assemble_objects<>())::type>>;
};
template <class T, class A>
struct object_pool_of<T, std::type_identity<A>> {
    using type = composed_object_pool<T, A>;
};

template <class T, class... P>
constexpr auto assemble_object_pool() {
    if constexpr (is_poolable<T>) {
        return assemble_objects<P...>();
    } else {
        complain<require_poolable<T>>();
    }
}
/// A type, and not an alias, so that a pack is complained about once.
template <class T, class... P>
struct object_pool_with : object_pool_of<T, decltype(assemble_object_pool<T, P...>())> {};

}  // namespace detail

/// An object pool of policies in any order; see `composed_object_pool`.
template <class T, class... Policies>
using basic_object_pool = typename detail::object_pool_with<T, Policies...>::type;

/// Whether any number of threads may use pools of this type.
template <class Pool>
inline constexpr bool is_thread_safe_v = Pool::is_thread_safe;

}  // namespace framealloc
