// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/detail/platform/platform.hpp>
#include <framealloc/diagnostics/none.hpp>
#include <framealloc/monotonic_clock.hpp>
#include <framealloc/policy.hpp>
#include <framealloc/trace_options.hpp>

namespace framealloc::inline v0_1 {

/// Where a trace keeps what it writes down: pages of the system's, which no allocator of ours and no `malloc` knows.
///
/// What a memory for traces is: two static functions, any thread. `bytes` is a multiple of the page.
struct trace_memory {
    [[nodiscard]] static void* try_take(std::size_t bytes) noexcept {
        void* const p = detail::platform::reserve(bytes, 1);
        if (p == nullptr || detail::platform::commit(p, bytes)) return p;
        detail::platform::release(p, bytes);
        return nullptr;
    }
    static void give_back(void* p, std::size_t bytes) noexcept { detail::platform::release(p, bytes); }
};

namespace detail {
template <class A, class Policy>
class trace_observer;  // framealloc/trace.hpp
template <class Self, class A, class Policy>
struct trace_verbs;
}  // namespace detail

namespace diagnostics {

/// Diagnostics: writes down each allocation while it is alive: its size, call site, stack, thread, time, tag, frame, intent and
/// serial number. `find_leaks()` of the allocator groups what is left by the places it came from, and an allocator that ends
/// while pool or heap blocks are alive names those places (FA216). Wants the header framealloc/trace.hpp and Boost.Intrusive.
///
/// Choose it to find what is never freed, and what grows. It checks no more than `none`: `compose<checked, trace>` does both.
///
///   Cost      A lock and a look into a table per allocation and free, O(1), and what the stack costs; 104 bytes of the
///             trace's own memory per live allocation, and 8 x depth where it has a stack. O(1) per object when frames end.
///   Threads   Any number, of which few meet: the table has 16 parts.
///   Failure   Where its own memory is refused it says so once (FA303), and counts what it does not write down.
///   Lifetime  What is freed is forgotten, what a frame held when it ends. The rest goes with the instance.
template <trace_options Options = trace_options{}, class Clock = monotonic_clock, class Memory = trace_memory>
struct basic_trace : none {
    static_assert(Options.depth > 0 && Options.depth <= 64, "framealloc: a trace keeps 1 to 64 addresses of a stack");
    static_assert(Options.sample_bytes > 0, "framealloc: a trace samples one stack in at least one byte");

    using clock = Clock;
    using memory = Memory;
    static constexpr trace_options options = Options;

    template <class A>
    using observer = detail::trace_observer<A, basic_trace>;
    template <class Self, class A>
    using verbs = detail::trace_verbs<Self, A, basic_trace>;
};

/// The same by the system's clock, with the stack of each allocation.
struct trace : basic_trace<> {};

}  // namespace diagnostics
}  // namespace framealloc
