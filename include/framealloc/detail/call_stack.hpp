// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/detail/bits.hpp>
#include <framealloc/detail/platform/compiler.hpp>
#include <framealloc/detail/platform/thread_stack.hpp>

#include <unwind.h>

namespace framealloc::inline v0_1::detail {

/// Where a thread's stack lies, asked once.
struct known_stack {
    platform::stack_range range{};
    bool asked = false;
};
FRAMEALLOC_TLS_MODEL inline constinit thread_local known_stack stack_of_thread{};

/// Follows the frame pointers from the caller's frame, and writes the return addresses to where `to` is, the innermost first;
/// answers how many, at most `most`. Where a function was compiled without a frame pointer the way ends, or leaves some out:
/// whatever is found, nothing is read but the thread's own stack, upwards.
[[gnu::noinline, gnu::no_sanitize_address]] inline std::size_t walk_frame_pointers(void const** to,
                                                                                   std::size_t most) noexcept {
    known_stack& known = stack_of_thread;
    if (!known.asked) {
        known.asked = true;  // before: asking may allocate, and come here again
        known.range = platform::stack_of_this_thread();
    }
    std::size_t count = 0;
    std::uintptr_t frame = address_of(__builtin_frame_address(0));
    constexpr std::size_t pair = 2 * sizeof(void*);
    // A stack of a coroutine's or a signal handler's own has bounds that we do not know.
    if (frame < known.range.begin || known.range.end < pair) return 0;
    while (count < most && frame % sizeof(void*) == 0 && frame <= known.range.end - pair) {
        auto const* const saved = pointer_to<std::uintptr_t const>(frame);
        if (saved[1] == 0) break;
        to[count++] = pointer_to<void const>(saved[1]);
        if (saved[0] <= frame) break;
        frame = saved[0];
    }
    return count;
}

/// The same by the tables that exceptions are thrown by, which are there whatever the code was compiled with.
[[gnu::noinline]] inline std::size_t unwind_stack(void const** to, std::size_t most) noexcept {
    struct walk {
        void const** to;
        std::size_t most;
        std::size_t count;
        std::size_t skip;
    } state{to, most, 0, 1};  // itself
    ::_Unwind_Backtrace(
        [](::_Unwind_Context* context, void* given) noexcept {
            walk& w = *static_cast<walk*>(given);
            if (w.skip != 0) {
                --w.skip;
                return ::_URC_NO_REASON;
            }
            auto const at = static_cast<std::uintptr_t>(::_Unwind_GetIP(context));
            if (at == 0 || w.count == w.most) return ::_URC_END_OF_STACK;
            w.to[w.count++] = pointer_to<void const>(at);
            return ::_URC_NO_REASON;
        },
        &state);
    return state.count;
}

}  // namespace framealloc::detail
