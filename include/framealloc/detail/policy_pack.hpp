// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/detail/assembly.hpp>
#include <framealloc/policy.hpp>

namespace framealloc::detail {

template <class P, class... Families>
inline constexpr bool in_any = (in_family<P, Families> || ...);
template <class P>
inline constexpr bool is_known = in_any<P, backend_family, arena_family, pool_family, sync_family, budget_family,
                                        diagnostics_family>;
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

/// A type that is no policy: the message carries its name in the instantiation trace.
template <class P>
struct require_policy {
    static_assert(is_known<P>, "framealloc: this type is no policy; a policy has `using family = framealloc::<one of "
                               "backend, arena, pool, sync, budget, diagnostics>_family;`");
    static constexpr bool ok = is_known<P>;
};

template <class... P>
struct require_one_of_each {
    static_assert(count_of<backend_family, P...> <= 1, "framealloc: two backend policies in one assembly; keep one, or "
                                                       "combine them with a composing backend such as backend::split");
    static_assert(count_of<arena_family, P...> <= 1, "framealloc: two arena policies in one assembly; keep one");
    static_assert(count_of<pool_family, P...> <= 1, "framealloc: two pool policies in one assembly; keep one");
    static_assert(count_of<sync_family, P...> <= 1, "framealloc: two sync policies in one assembly; keep one");
    static_assert(count_of<budget_family, P...> <= 1, "framealloc: two budget policies in one assembly; keep one");
    static_assert(count_of<diagnostics_family, P...> <= 1,
                  "framealloc: two diagnostics policies in one assembly; keep one");
    static constexpr bool ok =
        count_of<backend_family, P...> <= 1 && count_of<arena_family, P...> <= 1 && count_of<pool_family, P...> <= 1 &&
        count_of<sync_family, P...> <= 1 && count_of<budget_family, P...> <= 1 && count_of<diagnostics_family, P...> <= 1;
};

/// The clauses of a policy's concept, in words. Only instantiated where the concept does not hold.
template <class P>
consteval bool check_clauses() {
    if constexpr (in_family<P, backend_family>) {
        if constexpr (!BackendPolicy<P>) static_cast<void>(require_backend<P>{});
        return BackendPolicy<P>;
    } else if constexpr (in_family<P, arena_family>) {
        if constexpr (!ArenaPolicy<P>) static_cast<void>(require_arena<P>{});
        return ArenaPolicy<P>;
    } else if constexpr (in_family<P, pool_family>) {
        if constexpr (!PoolPolicy<P>) static_cast<void>(require_pool<P>{});
        return PoolPolicy<P>;
    } else if constexpr (in_family<P, sync_family>) {
        if constexpr (!SyncPolicy<P>) static_cast<void>(require_sync<P>{});
        return SyncPolicy<P>;
    } else if constexpr (in_family<P, budget_family>) {
        if constexpr (!BudgetPolicy<P>) static_cast<void>(require_budget<P>{});
        return BudgetPolicy<P>;
    } else {
        if constexpr (!DiagnosticsPolicy<P>) static_cast<void>(require_diagnostics<P>{});
        return DiagnosticsPolicy<P>;
    }
}

template <class P>
concept has_max_frame_bytes = requires {
    { P::max_frame_bytes } -> std::convertible_to<std::size_t>;
};

/// Pairs that cannot work together, each by itself correct.
template <class A>
struct require_pairs {
    using backend = typename A::backend;
    using arena = typename A::arena;
    using pool = typename A::pool;

    static consteval bool slab_fits() {
        if constexpr (has_bounded_range<backend> && pool::class_count != 0) {
            std::size_t const lost = backend::buffer_align >= pool::slab_bytes ? 0 : pool::slab_bytes;
            return backend::capacity_bytes >= pool::slab_bytes + lost;
        } else {
            return true;
        }
    }
    static consteval bool arena_fits() {
        if constexpr (has_bounded_range<backend> && has_max_frame_bytes<arena>) {
            return backend::capacity_bytes > arena::max_frame_bytes;
        } else {
            return true;
        }
    }
    static constexpr bool classes_fit = pool::class_count <= max_pool_classes;

    static_assert(slab_fits(), "framealloc: backend::static_buffer<Bytes, Align> is smaller than one aligned slab of the "
                               "pool policy; make Bytes larger, Align as large as a slab, the slabs smaller, or choose "
                               "pool::none");
    static_assert(arena_fits(), "framealloc: backend::static_buffer<Bytes> is smaller than what the arena policy wants "
                                "for one thread; make Bytes larger or the arena smaller");
    static_assert(classes_fit, "framealloc: a pool policy has at most 48 size classes");
    static constexpr bool ok = slab_fits() && arena_fits() && classes_fit;
};

/// Checks a pack, complains once, and names the canonical assembly of a pack that is right.
template <class Defaults, class... P>
consteval auto assemble() {
    if constexpr (!(require_policy<P>::ok && ...)) {
    } else if constexpr (!require_one_of_each<P...>::ok) {
    } else if constexpr (!(check_clauses<P>() && ...)) {
    } else {
        using A = assembly<typename choose<backend_family, typename Defaults::backend, P...>::type,
                           typename choose<arena_family, typename Defaults::arena, P...>::type,
                           typename choose<pool_family, typename Defaults::pool, P...>::type,
                           typename choose<sync_family, typename Defaults::sync, P...>::type,
                           typename choose<budget_family, typename Defaults::budget, P...>::type,
                           typename choose<diagnostics_family, typename Defaults::diagnostics, P...>::type>;
        if constexpr (require_pairs<A>::ok) return std::type_identity<A>{};
    }
}

}  // namespace framealloc::detail
