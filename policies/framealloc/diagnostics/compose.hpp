// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/diagnostics/none.hpp>
#include <framealloc/observer.hpp>
#include <framealloc/policy.hpp>

#include <type_traits>

namespace framealloc::inline v0_1 {

namespace detail {

template <class... T>
struct types {};
template <class... A, class... B>
constexpr types<A..., B...> operator+(types<A...>, types<B...>) noexcept {
    return {};
}
template <class T, class... Rest>
inline constexpr bool is_one_of = (std::is_same_v<T, Rest> || ...);
template <class... T>
inline constexpr bool are_distinct = true;
template <class T, class... Rest>
inline constexpr bool are_distinct<T, Rest...> = !is_one_of<T, Rest...> && are_distinct<Rest...>;
/// Each type once.
template <class... Kept>
constexpr types<Kept...> once(types<Kept...>, types<>) noexcept {
    return {};
}
template <class... Kept, class T, class... Rest>
constexpr auto once(types<Kept...> kept, types<T, Rest...>) noexcept {
    if constexpr (is_one_of<T, Kept...>) {
        return once(kept, types<Rest...>{});
    } else {
        return once(types<Kept..., T>{}, types<Rest...>{});
    }
}

/// Stands for any assembly where only the names of a policy's members are asked for.
struct any_assembly {};
template <class P>
concept has_observer = requires { typename P::template observer<any_assembly>; };
template <class P>
concept has_verbs = requires { typename P::template verbs<any_assembly, any_assembly>; };
template <class P>
concept counts_extensions = requires(P& part, std::size_t n) { part.on_frame_extend(n); };
template <class P>
concept has_clock = requires { typename P::clock; };

template <class A, class P>
constexpr auto observer_in() noexcept {
    if constexpr (has_observer<P>) {
        return types<typename P::template observer<A>>{};
    } else {
        return types<>{};
    }
}
template <class O>
constexpr auto part_in() noexcept {
    if constexpr (keeps_a_frame_part<O>) {
        return types<O>{};
    } else {
        return types<>{};
    }
}

template <class O>
concept tells_of_live_blocks = requires { requires O::reports_live_blocks; };

// Members by their type: each of its own class, so that empty ones take no room.
template <class T>
struct member_of_type {
    [[no_unique_address]] T of{};
};
template <class O>
struct frame_part_of {
    [[no_unique_address]] typename O::frame_part of{};
};

template <class List>
struct composed_counters;
template <class... Part>
struct composed_counters<types<Part...>> : private member_of_type<Part>... {
    void on_frame_allocate(std::size_t n) noexcept { (get<Part>().on_frame_allocate(n), ...); }
    void on_frame_extend(std::size_t n) noexcept
        requires(counts_extensions<Part> || ...)
    {
        auto const extend = [n](auto& part) {
            if constexpr (counts_extensions<std::remove_cvref_t<decltype(part)>>) part.on_frame_extend(n);
        };
        (extend(get<Part>()), ...);
    }
    void on_pool_allocate(std::size_t n) noexcept { (get<Part>().on_pool_allocate(n), ...); }
    void on_pool_free() noexcept { (get<Part>().on_pool_free(), ...); }
    void on_heap_allocate(std::size_t n) noexcept { (get<Part>().on_heap_allocate(n), ...); }
    void on_heap_free() noexcept { (get<Part>().on_heap_free(), ...); }

protected:
    template <class P>
    [[nodiscard]] P const& read() const noexcept {
        return static_cast<member_of_type<P> const&>(*this).of;
    }

private:
    template <class P>
    [[nodiscard]] P& get() noexcept {
        return static_cast<member_of_type<P>&>(*this).of;
    }
};

/// The first policy that counts, whose counts are the composition's; all count the same.
template <class First, class... Rest>
constexpr auto first_that_counts() noexcept {
    if constexpr (First::counts_operations || sizeof...(Rest) == 0) {
        return std::type_identity<First>{};
    } else {
        return first_that_counts<Rest...>();
    }
}
template <class... P>
struct composed_thread_part : composed_counters<decltype(once(types<>{}, types<typename P::thread_part...>{}))> {
    [[nodiscard]] operation_counts counts() const noexcept {
        return this->template read<typename decltype(first_that_counts<P...>())::type::thread_part>().counts();
    }
};

template <class A, class List>
class composed_observer;
/// Several observers of an instance: each is told what it wants to be told, in the order of the composition.
template <class A, class... O>
class composed_observer<A, types<O...>> : private member_of_type<O>... {
    using parts_list = decltype((types<>{} + ... + part_in<O>()));
    template <class List>
    struct frame_parts;
    template <class... P>
    struct frame_parts<types<P...>> : frame_part_of<P>... {
        template <class F>
        void on_rewind(composed_observer& all, F const& is_gone) noexcept {
            (static_cast<frame_part_of<P>&>(*this).of.on_rewind(all.template part<P>(), is_gone), ...);
        }
    };
    struct no_parts {};
    template <class List>
    struct choose_frame_part {
        struct type {
            using frame_part = frame_parts<List>;
        };
    };
    /// What is asked about its own part of a frame by the observer `Mine`.
    template <class Mine, class Caller>
    struct caller_of : Caller {
        [[nodiscard]] auto* frame_part() const noexcept {
            auto* const all = Caller::frame_part();
            if constexpr (keeps_a_frame_part<Mine>) {
                return all != nullptr ? &static_cast<frame_part_of<Mine>&>(*all).of : nullptr;
            } else {
                return all;
            }
        }
    };
    template <class Mine, class Caller>
    [[nodiscard]] static caller_of<Mine, Caller> as(Caller who) noexcept {
        return {who};
    }

public:
    static constexpr bool reports_live_blocks = (tells_of_live_blocks<O> || ...);
    static constexpr bool has_frame_part = !std::is_same_v<parts_list, types<>>;
    using frame_parts_type = frame_parts<parts_list>;

    /// The observer of this type.
    template <class Wanted>
    [[nodiscard]] Wanted& part() noexcept {
        return static_cast<member_of_type<Wanted>&>(*this).of;
    }

    template <class C>
    FRAMEALLOC_HOT void on_request(C who, layout asked, allocation_intent i, call_site at)
        requires(observes_requests<O, caller_of<O, C>> || ...)
    {
        auto const tell = [&]<class P>(P& o) {
            if constexpr (observes_requests<P, caller_of<P, C>>) o.on_request(as<P>(who), asked, i, at);
        };
        (tell(part<O>()), ...);
    }
    template <class C>
    FRAMEALLOC_HOT void on_allocate(C who, void* object, layout asked, allocation_intent i, call_site at) noexcept
        requires(observes_allocations<O, caller_of<O, C>> || ...)
    {
        auto const tell = [&]<class P>(P& o) {
            if constexpr (observes_allocations<P, caller_of<P, C>>) o.on_allocate(as<P>(who), object, asked, i, at);
        };
        (tell(part<O>()), ...);
    }
    template <class C>
    void on_extend(C who, void* object, std::size_t before, std::size_t after, call_site at) noexcept
        requires(observes_extensions<O, caller_of<O, C>> || ...)
    {
        auto const tell = [&]<class P>(P& o) {
            if constexpr (observes_extensions<P, caller_of<P, C>>) o.on_extend(as<P>(who), object, before, after, at);
        };
        (tell(part<O>()), ...);
    }
    template <class C>
    FRAMEALLOC_HOT void on_free(C who, void* object, allocation_intent i, call_site at) noexcept
        requires(observes_frees<O, caller_of<O, C>> || ...)
    {
        auto const tell = [&]<class P>(P& o) {
            if constexpr (observes_frees<P, caller_of<P, C>>) o.on_free(as<P>(who), object, i, at);
        };
        (tell(part<O>()), ...);
    }
    template <class C>
    void on_frame_end(C who, unsigned long long last_gone) noexcept
        requires(observes_frame_ends<O, caller_of<O, C>> || ...)
    {
        auto const tell = [&]<class P>(P& o) {
            if constexpr (observes_frame_ends<P, caller_of<P, C>>) o.on_frame_end(as<P>(who), last_gone);
        };
        (tell(part<O>()), ...);
    }
    template <class Instance>
    void on_instance_end(Instance& instance) noexcept
        requires(observes_the_end<O, Instance> || ...)
    {
        auto const tell = [&]<class P>(P& o) {
            if constexpr (observes_the_end<P, Instance>) o.on_instance_end(instance);
        };
        (tell(part<O>()), ...);
    }
    void lock_for_fork()
        requires(observes_forks<O> || ...)
    {
        auto const lock = [](auto& o) {
            if constexpr (requires { o.lock_for_fork(); }) o.lock_for_fork();
        };
        (lock(part<O>()), ...);
    }
    void unlock_after_fork()
        requires(observes_forks<O> || ...)
    {
        auto const unlock = [](auto& o) {
            if constexpr (requires { o.unlock_after_fork(); }) o.unlock_after_fork();
        };
        (unlock(part<O>()), ...);
    }
};
/// With the frame's part, where one of them has one.
template <class A, class List, bool HasPart = composed_observer<A, List>::has_frame_part>
class composed_observer_with_part : public composed_observer<A, List> {
public:
    using frame_part = typename composed_observer<A, List>::frame_parts_type;
};
template <class A, class List>
class composed_observer_with_part<A, List, false> : public composed_observer<A, List> {};

/// The observer of type `Wanted`: the instance's own, or one of those that it is composed of.
template <class Wanted, class Observer>
[[nodiscard]] Wanted& find_observer(Observer& all) noexcept {
    if constexpr (std::is_same_v<Wanted, Observer>) {
        return all;
    } else {
        return all.template part<Wanted>();
    }
}

template <bool Wanted, class... P>
struct composed_observers {};
template <class... P>
struct composed_observers<true, P...> {
    template <class A>
    using observer = composed_observer_with_part<A, decltype(once(types<>{}, (types<>{} + ... + observer_in<A, P>())))>;
};
template <class P, bool = has_verbs<P>>
struct verbs_in {
    template <class Self, class A>
    struct verbs {};
};
template <class P>
struct verbs_in<P, true> {
    template <class Self, class A>
    struct verbs : P::template verbs<Self, A> {};
};
template <bool Wanted, class... P>
struct composed_verbs {};
template <class... P>
struct composed_verbs<true, P...> {
    template <class Self, class A>
    struct verbs : verbs_in<P>::template verbs<Self, A>... {};
};

/// The first clock among them.
template <class... P>
struct composed_clock {};
template <class P, class... Rest>
struct composed_clock<P, Rest...> : composed_clock<Rest...> {};
template <has_clock P, class... Rest>
struct composed_clock<P, Rest...> {
    using clock = typename P::clock;
};

template <class P>
inline constexpr bool keeps_records_itself = requires { requires P::keeps_records; };
template <class P>
inline constexpr bool guards_itself = requires { requires P::guards_blocks; };
/// How the first of them guards that does.
template <class... P>
struct composed_guard {};
template <class P, class... Rest>
struct composed_guard<P, Rest...> : composed_guard<Rest...> {};
template <class P, class... Rest>
    requires guards_itself<P>
struct composed_guard<P, Rest...> {
    static constexpr auto guard = P::guard;
};

template <class P>
inline constexpr bool samples_itself = requires { requires P::samples_blocks; };
/// The same where a tool that sees more has switched it off.
template <class P>
inline constexpr bool is_for_sampling = requires { P::sample_interval; };
template <class P>
inline constexpr bool checks_blocks_itself = requires { requires P::checks_blocks; };
/// How often the first of them samples that does.
template <class... P>
struct composed_sampling {};
template <class P, class... Rest>
struct composed_sampling<P, Rest...> : composed_sampling<Rest...> {};
template <class P, class... Rest>
    requires samples_itself<P>
struct composed_sampling<P, Rest...> {
    static constexpr std::size_t sample_interval = P::sample_interval;
};

template <class P>
inline constexpr bool seals_itself = requires { requires P::seals_blocks; };
template <class P>
inline constexpr bool separates_heads_itself = requires { P::head_guard_bytes; };
template <class... P>
struct composed_head_guard {};
template <class P, class... Rest>
struct composed_head_guard<P, Rest...> : composed_head_guard<Rest...> {};
template <class P, class... Rest>
    requires separates_heads_itself<P>
struct composed_head_guard<P, Rest...> {
    static constexpr std::size_t head_guard_bytes = P::head_guard_bytes;
};

template <bool Good, class... P>
struct composition : diagnostics::none {};
template <class... P>
struct composition<true, P...> : composed_observers<(has_observer<P> || ...), P...>,
                                 composed_verbs<(has_verbs<P> || ...), P...>,
                                 composed_clock<P...>,
                                 composed_guard<P...>,
                                 composed_sampling<P...>,
                                 composed_head_guard<P...> {
    using family = diagnostics_family;

    static constexpr bool counts_operations = (P::counts_operations || ...);
    static constexpr bool checks_blocks = (P::checks_blocks || ...);
    static constexpr bool fills_released = (P::fills_released || ...);
    static constexpr bool stops_on_misuse = (P::stops_on_misuse || ...);
    static constexpr bool keeps_records = (keeps_records_itself<P> || ...);
    static constexpr bool guards_blocks = (guards_itself<P> || ...);
    static constexpr bool samples_blocks = (samples_itself<P> || ...);
    static constexpr bool seals_blocks = (seals_itself<P> || ...);

    using thread_part = composed_thread_part<P...>;
};

}  // namespace detail

namespace diagnostics {

/// Diagnostics: several at once. What one of them checks is checked, what one of them counts is counted once, and each
/// observer is told, in this order: `compose<checked, trace>`.
///
///   Cost      The sum of the parts; what a part does not have costs nothing.
///   Threads   As the parts.
///   Failure   As the parts. A type that is no diagnostics policy, and a policy that is named twice, are refused.
///   Lifetime  As the parts. The clock is that of the first part that has one.
template <class... Parts>
struct compose
    : detail::composition<(DiagnosticsPolicy<Parts> && ...) && sizeof...(Parts) != 0 && detail::are_distinct<Parts...>,
                          Parts...> {
    static_assert(sizeof...(Parts) != 0, "framealloc: diagnostics::compose<> of nothing; name diagnostics::none");
    static_assert((DiagnosticsPolicy<Parts> && ...),
                  "framealloc: diagnostics::compose<...> takes diagnostics policies, and one of these is none; see "
                  "framealloc::DiagnosticsPolicy");
    static_assert(detail::are_distinct<Parts...>,
                  "framealloc: diagnostics::compose<...> has the same policy twice; keep one");
    static_assert(
        !(detail::is_for_sampling<Parts> || ...) || !(detail::checks_blocks_itself<Parts> || ...),
        "framealloc: diagnostics::sampled<N> is for assemblies that do not check blocks; beside a part that "
        "does, such as diagnostics::checked or diagnostics::hardened, leave it out, or name diagnostics::guarded");
};

}  // namespace diagnostics
}  // namespace framealloc
