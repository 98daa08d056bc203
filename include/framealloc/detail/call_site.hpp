// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/detail/platform/compiler.hpp>

#include <cstddef>
#include <cstdint>
#include <type_traits>

namespace framealloc::inline v0_1::detail {

/// Where a verb was called: the address of an instruction in the function that it became a part of. It is read by one
/// instruction and named in reports alone.
struct call_site {
    void const* address = nullptr;
};
/// The same where nobody wants to know: nothing.
struct no_call_site {};

/// Whether the blocks of an assembly have a record beside them; see `block_record`.
template <class A>
inline constexpr bool keeps_records = requires { requires A::diagnostics::keeps_records; };

/// Whether a diagnostics policy is told of each allocation and each free; see `observation`.
template <class A>
inline constexpr bool observes = requires { typename A::diagnostics::template observer<A>; };
template <class A>
inline constexpr bool wants_sites = keeps_records<A> || observes<A>;

template <class A>
using site_of = std::conditional_t<wants_sites<A>, call_site, no_call_site>;

template <class A>
class core;

/// Whether its blocks lie on pages of their own, between pages that cannot be touched; see `guard_keeper`.
template <class A>
inline constexpr bool guards_blocks = requires { requires A::diagnostics::guards_blocks; };

/// Whether free blocks are written into magazines in a form that shows when it has been written over; see block_seal.hpp.
template <class A>
inline constexpr bool seals_blocks = requires { requires A::diagnostics::seals_blocks; };
template <class A, bool Sealed = seals_blocks<A>>
class block_seal;

/// Whether some blocks of pools are guarded: see `block_sampler`.
template <class A>
inline constexpr bool samples_blocks = requires { requires A::diagnostics::samples_blocks; };
template <class A, bool Sampled = samples_blocks<A>>
class block_sampler;
template <class A>
class block_sampler<A, false> {
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
    static void report_damage(core<A>&) noexcept {}
};
template <class A>
[[nodiscard]] bool look_at_last(core<A>& owner, std::uintptr_t& begin, std::size_t& beside, std::size_t bytes) noexcept;
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
concept has_record_machinery = (!seals_blocks<A> || requires { sizeof(block_seal<A, true>); }) &&
                               (!samples_blocks<A> || requires { sizeof(block_sampler<A, true>); }) &&
                               (!keeps_records<A> || requires { sizeof(record_machinery<A>); }) &&
                               (!guards_blocks<A> || requires { sizeof(guard_machinery<A>); });
template <class A>
class guard_keeper;
template <class A, bool Guarded = guards_blocks<A>>
class guarded_frame {
public:
    [[nodiscard]] static constexpr bool is_pool_block(void const*) noexcept { return false; }
};
struct no_record_keeper {
    static constexpr std::nullptr_t explain_address = nullptr;
};
template <class A>
using record_keeper_of = std::conditional_t<guards_blocks<A>, guard_keeper<A>,
                                            std::conditional_t<keeps_records<A>, record_keeper<A>, no_record_keeper>>;

// The same for what observes: it comes with the observer.
template <class A>
class observation;
template <class A>
class observed_frame;
template <class A>
concept observer_reports_live_blocks = requires { requires A::diagnostics::template observer<A>::reports_live_blocks; };
template <class A>
concept has_observation_machinery = !observes<A> || requires {
    sizeof(observation<A>);
    sizeof(typename A::diagnostics::template observer<A>);
};
struct no_observation {};
struct no_observed_frame {};
template <class A>
struct choose_observation {
    using type = std::conditional_t<observes<A>, observation<A>, no_observation>;
    using frame = std::conditional_t<observes<A>, observed_frame<A>, no_observed_frame>;
};
/// What the observer gives the allocator's users to ask it by; nothing where it says nothing.
template <class Self, class A>
struct observer_verbs {};
template <class Self, class A>
    requires requires { typename A::diagnostics::template verbs<Self, A>; }
struct observer_verbs<Self, A> : A::diagnostics::template verbs<Self, A> {};

/// Where the verb was called that the thread is in, for what it may have to report.
FRAMEALLOC_TLS_MODEL inline constinit thread_local void const* calling_site = nullptr;
template <class A, bool Wanted = keeps_records<A>>
class [[nodiscard]] called_at {
public:
    FRAMEALLOC_HOT explicit called_at(site_of<A>) noexcept {}
};
template <class A>
class [[nodiscard]] called_at<A, true> {
public:
    explicit called_at(call_site at) noexcept : before_(calling_site) { calling_site = at.address; }
    ~called_at() { calling_site = before_; }
    called_at(called_at const&) = delete;
    called_at& operator=(called_at const&) = delete;

private:
    void const* before_;
};

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
