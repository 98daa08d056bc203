// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/detail/backend_gate.hpp>
#include <framealloc/fault.hpp>
#include <framealloc/layout.hpp>

// How an instance says no: which fault, with which numbers, and whether it goes on.

namespace framealloc::inline v0_1::detail {

/// A mistake of the caller: reported, and then the call is ignored unless the handler stops the program.
template <class A, class... Numbers>
FRAMEALLOC_COLD void report_misuse(fault_code code, char const* note, Numbers... numbers) {
    report({.code = code,
            .note = note,
            .numbers = {static_cast<unsigned long long>(numbers)...},
            .stops = A::diagnostics::stops_on_misuse});
}

/// A `try_` form that refuses: mistakes are named at every level, the rest where somebody checks.
template <class A>
FRAMEALLOC_COLD void report_refusal(fault const& why) {
    fault f = why;
    bool const outside = f.code == fault_code::frame_not_open;
    bool const worth_saying = f.code != fault_code::out_of_memory && f.code != fault_code::budget_exceeded &&
                              f.code != fault_code::tag_budget_exceeded && f.code != fault_code::frame_budget_exceeded;
    f.stops = A::diagnostics::stops_on_misuse && (outside || f.code == fault_code::impossible_alignment);
    if (outside || (A::diagnostics::checks_blocks && worth_saying)) report(f);
}

/// Whether any allocator could honour `request`; `why` says what is wrong with it otherwise.
[[nodiscard]] inline bool is_possible(layout request, fault& why) noexcept {
    if (request.is_possible()) [[likely]]
        return true;
    if (!request.has_valid_align()) {
        why = {.code = fault_code::impossible_alignment,
               .note = "asked for alignment %llu (and %llu bytes); expected a power of two from 1 to %llu",
               .numbers = {request.align, request.bytes, max_alignment}};
    } else {
        why = {.code = fault_code::impossible_size,
               .note = "asked for %llu bytes; expected at most %llu",
               .numbers = {request.bytes, max_request_bytes}};
    }
    return false;
}

/// Why the backend or the budget has just refused the calling thread.
template <class A>
[[nodiscard]] fault latest_refusal(backend_gate<A>& gate, layout request) noexcept {
    if (gate.refusal() == fault_code::budget_exceeded) {
        return {.code = fault_code::budget_exceeded,
                .note = "asked for %llu bytes; %llu of the budget's %llu bytes are used",
                .numbers = {request.bytes, gate.budget().used_bytes(), gate.budget().limit_bytes()}};
    }
    if (gate.refusal() == fault_code::backend_misaligned) {
        return {.code = fault_code::backend_misaligned,
                .note = "asked for %llu bytes, align %llu; what came has been given back",
                .numbers = {request.bytes, request.align}};
    }
    return {.code = fault_code::out_of_memory,
            .note = "asked for %llu bytes, align %llu; %llu bytes are taken from the backend",
            .numbers = {request.bytes, request.align, gate.taken_bytes()}};
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
