// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/detail/assembly.hpp>
#include <framealloc/detail/call_site.hpp>
#include <framealloc/detail/tag_hooks.hpp>
#include <framealloc/policy.hpp>

namespace framealloc::inline v0_1::detail {

template <class P, class... Families>
inline constexpr bool in_any = (in_family<P, Families> || ...);
template <class P>
inline constexpr bool is_known =
    in_any<P, backend_family, arena_family, pool_family, sync_family, budget_family, diagnostics_family>;
template <class Family, class... P>
inline constexpr std::size_t count_of = (std::size_t{in_family<P, Family>} + ... + 0);

/// The policy of `Family` in the pack, or `Default`.
template <class Family, class Default, class... P>
struct choose {
    using type = Default;
};
template <class Family, class Default, class First, class... Rest>
struct choose<Family, Default, First, Rest...>
    : std::conditional_t<in_family<First, Family>, std::type_identity<First>, choose<Family, Default, Rest...>> {};

// Each rule below is a plain constant, which the assembly goes by, and beside it a type that says in words why it does
// not hold. The type is only instantiated where the constant is false, by a function that answers nothing: so a broken
// rule gives one error, and no second one about what could not be computed.

template <class Rule>
constexpr void complain() {
    static_cast<void>(sizeof(Rule));
}

/// A type that is no policy: the message carries its name in the instantiation trace.
template <class P>
struct require_policy {
    static_assert(is_known<P>,
                  "framealloc: this type is no policy; a policy has `using family = framealloc::<one of "
                  "backend, arena, pool, sync, budget, diagnostics>_family;`");
};

template <class... P>
inline constexpr bool one_of_each =
    count_of<backend_family, P...> <= 1 && count_of<arena_family, P...> <= 1 && count_of<pool_family, P...> <= 1 &&
    count_of<sync_family, P...> <= 1 && count_of<budget_family, P...> <= 1 && count_of<diagnostics_family, P...> <= 1;

template <class... P>
struct require_one_of_each {
    static_assert(count_of<backend_family, P...> <= 1,
                  "framealloc: two backend policies in one assembly; keep one, or "
                  "combine them with a composing backend such as backend::split");
    static_assert(count_of<arena_family, P...> <= 1, "framealloc: two arena policies in one assembly; keep one");
    static_assert(count_of<pool_family, P...> <= 1, "framealloc: two pool policies in one assembly; keep one");
    static_assert(count_of<sync_family, P...> <= 1, "framealloc: two sync policies in one assembly; keep one");
    static_assert(count_of<budget_family, P...> <= 1, "framealloc: two budget policies in one assembly; keep one");
    static_assert(count_of<diagnostics_family, P...> <= 1,
                  "framealloc: two diagnostics policies in one assembly; keep one");
};

template <class P>
inline constexpr bool keeps_clauses =
    BackendPolicy<P> || ArenaPolicy<P> || PoolPolicy<P> || SyncPolicy<P> || BudgetPolicy<P> || DiagnosticsPolicy<P>;

/// The clauses of a policy's concept, in words.
template <class P>
constexpr void require_clauses() {
    if constexpr (keeps_clauses<P>) {
    } else if constexpr (in_family<P, backend_family>) {
        complain<require_backend<P>>();
    } else if constexpr (in_family<P, arena_family>) {
        complain<require_arena<P>>();
    } else if constexpr (in_family<P, pool_family>) {
        complain<require_pool<P>>();
    } else if constexpr (in_family<P, sync_family>) {
        complain<require_sync<P>>();
    } else if constexpr (in_family<P, budget_family>) {
        complain<require_budget<P>>();
    } else {
        complain<require_diagnostics<P>>();
    }
}

template <class P>
concept has_max_frame_bytes = requires {
    { P::max_frame_bytes } -> std::convertible_to<std::size_t>;
};

template <class B>
concept tells_its_alignment = requires {
    { B::buffer_align } -> std::convertible_to<std::size_t>;
};

/// Pairs that cannot work together, each by itself correct.
template <class Backend, class Pool>
consteval bool slab_fits() {
    if constexpr (has_bounded_range<Backend> && Pool::class_count != 0) {
        std::size_t align = granule;
        if constexpr (tells_its_alignment<Backend>) align = Backend::buffer_align;
        std::size_t const lost = align >= Pool::slab_bytes ? 0 : Pool::slab_bytes;
        return Backend::capacity_bytes >= Pool::slab_bytes + lost;
    } else {
        return true;
    }
}
template <class Backend, class Arena>
consteval bool arena_fits() {
    if constexpr (has_bounded_range<Backend> && has_max_frame_bytes<Arena>) {
        return Backend::capacity_bytes > Arena::max_frame_bytes;
    } else {
        return true;
    }
}
template <class P>
concept grows_in_place = requires { requires P::needs_virtual_memory; };
template <class Backend, class Arena>
inline constexpr bool arena_grows = !grows_in_place<Arena> || has_virtual_memory<Backend>;

template <class Pool>
inline constexpr bool classes_fit = Pool::class_count <= max_pool_classes;

template <class A>
inline constexpr bool pairs_fit =
    slab_fits<typename A::backend, typename A::pool>() && arena_fits<typename A::backend, typename A::arena>() &&
    arena_grows<typename A::backend, typename A::arena> && classes_fit<typename A::pool> && has_tag_machinery<A> &&
    has_record_machinery<A> && has_observation_machinery<A>;

template <class A>
struct require_pairs {
    static_assert(
        slab_fits<typename A::backend, typename A::pool>(),
        "framealloc: backend::static_buffer<Bytes, Align> is smaller than one aligned slab of the pool policy; "
        "make Bytes larger, Align as large as a slab, the slabs smaller, or choose pool::none");
    static_assert(
        arena_fits<typename A::backend, typename A::arena>(),
        "framealloc: backend::static_buffer<Bytes> is smaller than what the arena policy wants for one thread; "
        "make Bytes larger or the arena smaller");
    static_assert(
        arena_grows<typename A::backend, typename A::arena>,
        "framealloc: this arena policy commits memory on demand and wants a backend with virtual memory, such "
        "as backend::virtual_memory; or choose arena::chunked");
    static_assert(classes_fit<typename A::pool>, "framealloc: a pool policy has at most 48 size classes");
    static_assert(has_tag_machinery<A>,
                  "framealloc: a budget that charges tags wants the header framealloc/tag_budgets.hpp");
    static_assert(has_record_machinery<A>,
                  "framealloc: diagnostics that keep records, such as diagnostics::checked, want the header "
                  "framealloc/smart_alloc_debug.hpp, diagnostics::guarded framealloc/smart_alloc_guarded.hpp, "
                  "diagnostics::sampled framealloc/smart_alloc_sampled.hpp, and diagnostics::hardened "
                  "framealloc/smart_alloc_hardened.hpp");
    static_assert(!has_record_machinery<A> || has_observation_machinery<A>,
                  "framealloc: diagnostics that observe want the header of their observer: framealloc/trace.hpp for "
                  "diagnostics::trace, framealloc/contracts.hpp for diagnostics::contracts, or for one of your own "
                  "framealloc/observer.hpp");
};

/// A policy template with wrong arguments complains here, before it is asked for anything: were the question the first
/// thing to instantiate it, the answer would be no as well, and a second complaint.
template <class P>
constexpr void complete() {
    if constexpr (std::is_class_v<P>) static_cast<void>(sizeof(P));
}

/// Checks a pack, complains once, and names the canonical assembly of a pack that is right.
template <class Defaults, class... P>
constexpr auto assemble() {
    (complete<P>(), ...);
    if constexpr (!(is_known<P> && ...)) {
        (complain<require_policy<P>>(), ...);
    } else if constexpr (!one_of_each<P...>) {
        complain<require_one_of_each<P...>>();
    } else if constexpr (!(keeps_clauses<P> && ...)) {
        (require_clauses<P>(), ...);
    } else {
        using A = assembly<typename choose<backend_family, typename Defaults::backend, P...>::type,
                           typename choose<arena_family, typename Defaults::arena, P...>::type,
                           typename choose<pool_family, typename Defaults::pool, P...>::type,
                           typename choose<sync_family, typename Defaults::sync, P...>::type,
                           typename choose<budget_family, typename Defaults::budget, P...>::type,
                           typename choose<diagnostics_family, typename Defaults::diagnostics, P...>::type>;
        if constexpr (pairs_fit<A>) {
            return std::type_identity<A>{};
        } else {
            complain<require_pairs<A>>();
        }
    }
}

}  // namespace framealloc::detail
