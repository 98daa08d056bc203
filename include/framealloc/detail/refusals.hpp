// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/detail/backend_gate.hpp>
#include <framealloc/detail/fault_place.hpp>
#include <framealloc/fault.hpp>
#include <framealloc/layout.hpp>

// How an instance says no: which fault, with which numbers, and whether it goes on.

namespace framealloc::inline v0_1::detail {

/// The same, where there is a fault already.
FRAMEALLOC_COLD inline void say(fault& why, fault_kind code, char const* note, unsigned long long first = 0,
                                unsigned long long second = 0, unsigned long long third = 0) noexcept {
    // In its place, and not by way of another one.
    ::new (static_cast<void*>(&why)) fault{.code = code, .note = note, .numbers = {first, second, third}};
}

/// A mistake of the caller: reported, and then the call is ignored unless the handler stops the program.
template <class A>
FRAMEALLOC_COLD void report_misuse(core<A>& at, fault_kind code, char const* note, unsigned long long first = 0,
                                   unsigned long long second = 0, unsigned long long third = 0) {
    fault f = said(code, note, first, second, third);
    if constexpr (A::diagnostics::stops_on_misuse) f.stops = true;
    with_place(at, f);
}

/// The same where no instance is known.
template <class A>
FRAMEALLOC_COLD void report_misuse(fault_kind code, char const* note, unsigned long long first = 0,
                                   unsigned long long second = 0, unsigned long long third = 0) {
    fault f = said(code, note, first, second, third);
    if constexpr (A::diagnostics::stops_on_misuse) f.stops = true;
    report(f);
}

/// A `try_` form that refuses: mistakes are named at every level, the rest where somebody checks. `told` is for the caller.
template <class A, class... Told>
FRAMEALLOC_COLD void report_refusal(core<A>& at, fault const& why, Told&... told) {
    ((told = why), ...);
    fault f = why;
    bool const outside = f.code == fault_code::frame_not_open;
    bool const worth_saying = f.code != fault_code::out_of_memory && f.code != fault_code::budget_exceeded &&
                              f.code != fault_code::tag_budget_exceeded && f.code != fault_code::frame_budget_exceeded;
    f.stops = A::diagnostics::stops_on_misuse && (outside || f.code == fault_code::impossible_alignment);
    if (outside || (A::diagnostics::checks_blocks && worth_saying)) with_place(at, f);
}

/// A plain form that refuses.
template <class A>
[[noreturn]] FRAMEALLOC_HOT void throw_refusal(core<A>& at, fault& why, layout request) {
    with_place(at, why, [&](fault const& f) FRAMEALLOC_INLINED { throw_failure(f, request); });
    __builtin_unreachable();
}

/// What is wrong with a request that no allocator could honour.
FRAMEALLOC_COLD inline void say_why_impossible(layout request, fault& why) noexcept {
    request.has_valid_align() ? say(why, fault_code::impossible_size, "asked for %llu bytes; expected at most %llu",
                                    request.bytes, max_request_bytes)
                              : say(why, fault_code::impossible_alignment,
                                    "asked for alignment %llu (and %llu bytes); expected a power of two from 1 to %llu",
                                    request.align, request.bytes, max_alignment);
}
/// Whether any allocator could honour `request`; `why` says what is wrong with it otherwise.
[[nodiscard]] inline bool is_possible(layout request, fault& why) noexcept {
    if (request.is_possible()) [[likely]]
        return true;
    say_why_impossible(request, why);
    return false;
}

/// Why the backend or the budget has just refused the calling thread.
template <class A>
[[nodiscard]] FRAMEALLOC_COLD fault latest_refusal(backend_gate<A>& gate, layout request) noexcept {
    if (gate.refusal() == fault_code::budget_exceeded) {
        return said(fault_code::budget_exceeded, "asked for %llu bytes; %llu of the budget's %llu bytes are used",
                    request.bytes, gate.budget().used_bytes(), gate.budget().limit_bytes());
    }
    if (gate.refusal() == fault_code::backend_misaligned) {
        return said(fault_code::backend_misaligned, "asked for %llu bytes, align %llu; what came has been given back",
                    request.bytes, request.align);
    }
    return said(fault_code::out_of_memory, "asked for %llu bytes, align %llu; %llu bytes are taken from the backend",
                request.bytes, request.align, gate.taken_bytes());
}

/// What `f` answers, or null with `why` filled in where a budget's listener has thrown.
template <class A, class F>
[[nodiscard]] FRAMEALLOC_HOT void* without_throwing([[maybe_unused]] fault& why, F&& f) noexcept {
    if constexpr (charges_tags<typename A::budget>) {
        FRAMEALLOC_TRY { return f(); }
        FRAMEALLOC_CATCH_ALL {
            why = {.code = fault_code::tag_budget_exceeded,
                   .note = "the budget's listener has thrown out of a call that answers null instead"};
            return nullptr;
        }
        return nullptr;
    } else {
        return f();
    }
}

}  // namespace framealloc::detail
