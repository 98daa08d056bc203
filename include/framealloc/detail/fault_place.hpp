// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/detail/thread_state.hpp>
#include <framealloc/fault.hpp>

namespace framealloc::inline v0_1::detail {

/// Where the calling thread stands with an instance; `state` is its state there, null where it has none.
template <class A>
void describe_place(core<A>& at, thread_state<A> const* state, fault_place& to) noexcept {
    to.instance = at.id.load(order::relaxed);
    to.instance_name = at.config().name;
    to.thread = core<A>::thread_number();
    if (state == nullptr) return;
    to.frame_number = state->frame.number();
    to.frame_active = state->frame.kind() != frame_kind::closed;
    if constexpr (charges_tags<typename A::budget>) to.tag_path = fault{.tag = state->tags.tag()}.tag_path();
    if constexpr (A::diagnostics::counts_operations) to.phase = state->journal.phases.innermost();
}

/// The line that a report shows of it.
inline void write_place(fault_place const& p, char* to, std::size_t size) noexcept {
    char thread[16] = "", number[24] = "", frame[40] = "no frame", instance[40] = "";
    platform::thread_name(thread, sizeof thread);
    if (p.frame_number != 0) {
        __builtin_snprintf(frame, sizeof frame, p.frame_active ? "frame %llu" : "after frame %llu", p.frame_number);
    }
    if (p.instance != 0) __builtin_snprintf(instance, sizeof instance, " (instance %llu)", p.instance);
    if (p.thread != 0) __builtin_snprintf(number, sizeof number, " %llu", p.thread);
    bool const named = p.instance_name != nullptr, tagged = p.tag_path != nullptr, phased = p.phase != nullptr;
    __builtin_snprintf(to, size, "  where: allocator%s%.60s%s%s, thread%s '%s', %s%s%s%s%.60s\n", named ? " '" : "",
                       named ? p.instance_name : "", named ? "'" : "", instance, number, thread, frame,
                       tagged ? ", tag " : "", tagged ? p.tag_path : "", phased ? ", phase " : "",
                       phased ? p.phase : "");
}

/// Where the verb was called, for a fault that does not know better.
template <class A>
void add_calling_site(fault& why, fault_sites& sites) noexcept;

/// Calls `f(fault)` with the place in it, where an assembly is checked: elsewhere nobody looks.
template <class A, class F>
FRAMEALLOC_HOT void with_place(core<A>& at, fault& why, F&& f) {
    fault_place place;
    fault_sites sites;
    if constexpr (keeps_records<A>) add_calling_site<A>(why, sites);
    if constexpr (A::diagnostics::checks_blocks) {
        place.write = &write_place;
        describe_place(at, at.state_if_any(), place);
        why.place = &place;
    }
    f(why);
}

/// Reports with the place.
template <class A>
FRAMEALLOC_HOT void with_place(core<A>& at, fault& why) {
    with_place(at, why, [](fault& f) FRAMEALLOC_INLINED { report(f); });
}

}  // namespace framealloc::detail
