// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/detail/atomic.hpp>
#include <framealloc/detail/platform/platform.hpp>
#include <framealloc/fault_code.hpp>

namespace framealloc::inline v0_1 {

/// Which reports end the program, or the call, that would otherwise go on. The number is that of the least bad level which
/// does.
enum class strict_mode : unsigned char {
    all,         ///< any
    on_warning,  ///< warnings and errors
    on_error,    ///< errors
    off,         ///< those that `fault::stops` says: mistakes, in an assembly of the checked level
    warn,        ///< none: `fault::stops` is taken back
};

/// What a strict mode does with a report that it is about, after the fault handler has seen it.
enum class strict_action : unsigned char {
    abort,            ///< stops the program, whatever the handler has answered
    throw_exception,  ///< throws `strict_violation`. Where exceptions are off, and out of a noexcept call, that ends the program
    handler,  ///< sets `fault::stops` and leaves it to the handler: the one in place from the start then stops
};

struct fault;

namespace detail {

struct alignas(2) strictness {
    strict_mode mode;
    strict_action action = strict_action::abort;
};
inline constexpr strict_mode strictness_not_set{5};

/// The process's, as the program has set it, or else as the environment says, which is read before the first report.
inline constinit atomic<strictness> process_strictness{strictness{strictness_not_set}};
/// What goes before it on this thread.
FRAMEALLOC_TLS_MODEL inline constinit thread_local strictness thread_strictness{strictness_not_set};
/// How `throw_exception` throws. It comes with the first who asks for it, and so only programs that do have it.
inline constinit atomic<void (*)(fault const&)> strict_thrower{nullptr};

/// What FRAMEALLOC_STRICT says; `strictness_not_set` where that is no mode.
[[nodiscard]] inline strict_mode strict_mode_named(char const* text) noexcept {
    // By hand, because compilers turn a loop over strcmp into one comparison for each name.
    unsigned char mode = 0;
    for (char const* name = "all\0warning\0error\0off\0warn\0"; *name != '\0'; ++mode) {  // in the enumeration's order
        char const* t = text;
        for (; *name != '\0' && *name == *t; ++name) ++t;
        if (*name == *t) break;
        while (*name != '\0') ++name;
        ++name;
    }
    return strict_mode{mode};
}

}  // namespace detail
}  // namespace framealloc
