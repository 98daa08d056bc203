// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/backend/system.hpp>
#include <framealloc/detail/policy_pack.hpp>
#include <framealloc/diagnostics/none.hpp>
#include <framealloc/object_pool/drop.hpp>
#include <framealloc/object_pool/initialise.hpp>
#include <framealloc/object_pool/sharing.hpp>
#include <framealloc/object_pool/slots/free_list.hpp>
#include <framealloc/object_pool/slots/stack.hpp>
#include <framealloc/object_pool/storage.hpp>
#include <framealloc/sync/lock_free.hpp>
#include <framealloc/sync/single_threaded.hpp>

namespace framealloc::inline v0_1::detail {

/// The policies of an object pool in canonical order, whatever the order in which they were written.
template <class Storage, class Slots, class Sync, class Initialiser, class Sharing, class Drop, class Diagnostics,
          class Backend>
struct object_assembly {
    using storage = Storage;
    using slots = Slots;
    using sync = Sync;
    using initialiser = Initialiser;
    using sharing = Sharing;
    using drop = Drop;
    using diagnostics = Diagnostics;
    using backend = Backend;

    static constexpr bool one_thread = Sync::one_thread;
    /// Whether each call that touches the slots holds a lock.
    static constexpr bool locks = !one_thread && !Slots::is_lock_free;
};

template <class P>
inline constexpr bool is_object_policy =
    in_any<P, object_storage_family, object_slots_family, object_initialiser_family, object_sharing_family,
           object_drop_family, backend_family, sync_family, diagnostics_family>;

template <class P>
struct require_object_policy {
    static_assert(is_object_policy<P>,
                  "framealloc: this type is no policy of an object pool; those are of the families backend, sync, "
                  "diagnostics, object_storage, object_slots, object_initialiser, object_sharing and object_drop");
};

template <class Family, class... P>
inline constexpr bool at_most_one = count_of<Family, P...> <= 1;
template <class... P>
inline constexpr bool one_object_policy_each =
    at_most_one<object_storage_family, P...> && at_most_one<object_slots_family, P...> &&
    at_most_one<object_initialiser_family, P...> && at_most_one<object_sharing_family, P...> &&
    at_most_one<object_drop_family, P...> && at_most_one<backend_family, P...> && at_most_one<sync_family, P...> &&
    at_most_one<diagnostics_family, P...>;
template <class... P>
struct require_one_object_policy_each {
    static_assert(at_most_one<object_storage_family, P...>,
                  "framealloc: two storage policies in one object pool; keep one");
    static_assert(at_most_one<object_slots_family, P...>,
                  "framealloc: two slot allocators in one object pool; keep one");
    static_assert(at_most_one<object_initialiser_family, P...>,
                  "framealloc: two initialisers in one object pool; keep one");
    static_assert(at_most_one<object_sharing_family, P...>,
                  "framealloc: two sharing policies in one object pool; keep one");
    static_assert(at_most_one<object_drop_family, P...>,
                  "framealloc: two drop strategies in one object pool; keep one");
    static_assert(at_most_one<backend_family, P...>, "framealloc: two backend policies in one object pool; keep one");
    static_assert(at_most_one<sync_family, P...>, "framealloc: two sync policies in one object pool; keep one");
    static_assert(at_most_one<diagnostics_family, P...>,
                  "framealloc: two diagnostics policies in one object pool; keep one");
};

template <class Sync>
inline constexpr bool is_lock_free_sync = std::is_same_v<Sync, sync::lock_free>;
template <class Sync>
concept has_usable_mutex = requires(typename Sync::mutex& m) {
    m.lock();
    m.unlock();
};

template <class A>
inline constexpr bool object_policies_fit =
    SlotAllocator<typename A::slots> && has_usable_mutex<typename A::sync> &&
    is_lock_free_sync<typename A::sync> == A::slots::is_lock_free && (!A::storage::grows || A::slots::grows) &&
    !(A::sharing::counts && A::sharing::one_thread && !A::one_thread);

template <class A>
struct require_object_policies_fit {
    static_assert(SlotAllocator<typename A::slots>,
                  "framealloc: this slot allocator misses a member that the concept SlotAllocator asks for");
    static_assert(is_lock_free_sync<typename A::sync> == A::slots::is_lock_free,
                  "framealloc: sync::lock_free wants a lock-free slot allocator, slots::index_stack, and the other way "
                  "round; choose sync::mutex<M> for the others");
    static_assert(!A::storage::grows || A::slots::grows,
                  "framealloc: storage::growing wants slots that grow: slots::free_list or slots::bitmap");
    static_assert(!(A::sharing::counts && A::sharing::one_thread && !A::one_thread),
                  "framealloc: sharing::local counts on one thread; a pool for several wants sharing::atomic");
};

/// Which slot allocator goes with a storage and a sync policy; that for lock-free pools comes with their header.
template <class Storage, class Sync>
struct default_slots {
    using type = std::conditional_t<Storage::grows, slots::free_list, slots::stack>;
};

/// What stands for policies that have been complained about: one error is enough.
struct refused_object_assembly {};

template <class... P>
constexpr auto assemble_objects() {
    (complete<P>(), ...);
    if constexpr (!(is_object_policy<P> && ...)) {
        (complain<require_object_policy<P>>(), ...);
        return std::type_identity<refused_object_assembly>{};
    } else if constexpr (!one_object_policy_each<P...>) {
        complain<require_one_object_policy_each<P...>>();
        return std::type_identity<refused_object_assembly>{};
    } else {
        using storage = typename choose<object_storage_family, storage::fixed, P...>::type;
        using sync = typename choose<sync_family, sync::single_threaded, P...>::type;
        using A = object_assembly<
            storage, typename choose<object_slots_family, typename default_slots<storage, sync>::type, P...>::type,
            sync, typename choose<object_initialiser_family, initialise::on_allocate, P...>::type,
            typename choose<object_sharing_family, sharing::none, P...>::type,
            typename choose<object_drop_family, drop::now, P...>::type,
            typename choose<diagnostics_family, diagnostics::none, P...>::type,
            typename choose<backend_family, backend::system, P...>::type>;
        if constexpr (object_policies_fit<A>) {
            return std::type_identity<A>{};
        } else {
            complain<require_object_policies_fit<A>>();
            return std::type_identity<refused_object_assembly>{};
        }
    }
}

}  // namespace framealloc::detail
