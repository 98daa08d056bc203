// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/detail/platform/compiler.hpp>

namespace framealloc::inline v0_1::detail {

/// Where a verb was called: the address of an instruction in the function that it became a part of. It is read by one
/// instruction and named in reports alone.
struct call_site {
    void const* address = nullptr;
};
/// The same where nobody wants to know: nothing.
struct no_call_site {
    constexpr no_call_site() noexcept = default;
    constexpr explicit no_call_site(call_site) noexcept {}
};

/// Whether the blocks of an assembly have a record beside them; see `block_record`.
template <class A>
inline constexpr bool keeps_records = requires { requires A::diagnostics::keeps_records; };

/// Whether a diagnostics policy is told of each allocation and each free; see `observation`.
template <class A>
inline constexpr bool observes = requires { typename A::diagnostics::template observer<A>; };
template <class A>
inline constexpr bool wants_sites = keeps_records<A> || observes<A>;

template <bool Wanted>
struct choose_call_site {
    using type = no_call_site;
};
template <>
struct choose_call_site<true> {
    using type = call_site;
};
template <class A>
using site_of = typename choose_call_site<wants_sites<A>>::type;

/// Whether its blocks lie on pages of their own, between pages that cannot be touched; see `guard_keeper`.
template <class A>
inline constexpr bool guards_blocks = requires { requires A::diagnostics::guards_blocks; };

/// Whether some blocks of pools are guarded: see `block_sampler`.
template <class A>
inline constexpr bool samples_blocks = requires { requires A::diagnostics::samples_blocks; };
template <class A, bool Sampled = samples_blocks<A>>
class block_sampler {
public:
    [[nodiscard]] static constexpr bool has(void const*) noexcept { return false; }
};
template <class A, bool Sampled = samples_blocks<A>>
class sample_countdown {};

// What keeps records comes with the diagnostics policy that wants them: who has none does not read it.
template <class A, bool Kept = keeps_records<A>>
class frame_records;
template <class A>
class frame_records<A, false> {
public:
    struct place {};
    [[nodiscard]] static place newest() noexcept { return {}; }
    static void go_back_to(place) noexcept {}
};
/// How a part of a frame ended.
enum class frame_end : unsigned char { frame, scope, rollback, instance };
template <class A, bool Kept = keeps_records<A>>
class frame_epochs;
template <class A>
class frame_epochs<A, false> {};
template <class A>
class record_keeper;
/// Defined with them: says that they are there.
template <class A>
struct record_machinery;
template <class A>
struct guard_machinery;
template <class A>
concept has_record_machinery = (!keeps_records<A> || requires { sizeof(record_machinery<A>); }) &&
                               (!guards_blocks<A> || requires { sizeof(guard_machinery<A>); });
template <class A>
class guard_keeper;
template <class A, bool Guarded = guards_blocks<A>>
class guarded_frame {
public:
    [[nodiscard]] static constexpr bool is_pool_block(void const*) noexcept { return false; }
};
template <class A, bool Kept = keeps_records<A>, bool Guarded = guards_blocks<A>>
struct choose_record_keeper {
    using type = record_keeper<A>;
};
template <class A>
struct choose_record_keeper<A, true, true> {
    using type = guard_keeper<A>;
};
template <class A>
struct choose_record_keeper<A, false, false> {
    struct type {};
};

// The same for what observes: it comes with the observer.
template <class A>
class observation;
template <class A>
class observed_frame;
template <class A>
concept has_observation_machinery = !observes<A> || requires {
    sizeof(observation<A>);
    sizeof(typename A::diagnostics::template observer<A>);
};
template <class A, bool Observes = observes<A>>
struct choose_observation {
    using type = observation<A>;
    using frame = observed_frame<A>;
};
template <class A>
struct choose_observation<A, false> {
    struct type {};
    struct frame {};
};
/// What the observer gives the allocator's users to ask it by; nothing where it says nothing.
template <class Self, class A>
struct observer_verbs {};
template <class Self, class A>
    requires requires { typename A::diagnostics::template verbs<Self, A>; }
struct observer_verbs<Self, A> : A::diagnostics::template verbs<Self, A> {};

/// The place that this is inlined into.
template <class A>
FRAMEALLOC_HOT site_of<A> here() noexcept {
    if constexpr (wants_sites<A>) {
        void const* at;
        FRAMEALLOC_READ_PROGRAM_COUNTER(at);
        return {at};
    } else {
        return {};
    }
}

}  // namespace framealloc::detail
