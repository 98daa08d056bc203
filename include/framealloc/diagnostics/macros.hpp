// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/diagnostics/emit.hpp>

// Diagnostics in one line. They are there in every build, whatever is defined: what becomes of them is for the sink, the fault
// handler and the strict mode to say.

/// Reports a diagnostic of the program's own. The level is `note`, `warning` or `error`; the fields are those of `diagnostic`,
/// in their order:
///
///     FA_DIAGNOSTIC(error, .code = "GAME001", .message = "level without a floor", .help = "draw one");
#define FA_DIAGNOSTIC(severity, ...) \
    ::framealloc::emit(::framealloc::diagnostic{.level = ::framealloc::fault_level::severity, __VA_ARGS__})

/// Reports one of the library's codes: `FA_EMIT(FA001);`. One that there is not does not compile.
#define FA_EMIT(code) ::framealloc::emit(::framealloc::detail::known_fault{#code})

/// The same with the context: of the calling thread, or, as a second argument, one that was captured before.
#define FA_EMIT_CTX(code, ...) \
    ::framealloc::detail::emit_with_context(::framealloc::detail::known_fault{#code} __VA_OPT__(, ) __VA_ARGS__)

/// Reports one of the library's codes where a condition does not hold, and goes on. The condition is evaluated once. A third
/// argument is a context that was captured: `FA_ASSERT(ready, FA102, ctx)`.
#define FA_ASSERT(condition, code, ...) \
    (static_cast<bool>(condition)       \
         ? static_cast<void>(0)         \
         : ::framealloc::detail::emit_given(::framealloc::detail::known_fault{#code} __VA_OPT__(, ) __VA_ARGS__))

/// Where it is compiled, and in a template where it is instantiated, the compiler stops with these words. It stands where a
/// statement stands; the arguments are literals.
#define FA_COMPILE_ERROR(code, message, help) \
    []<bool Reached = true>() { static_assert(!Reached, "[framealloc][" code "] error: " message "; help: " help); }()

namespace framealloc::inline v0_1::detail {

inline void emit_given(known_fault known, std::source_location site = std::source_location::current()) {
    emit(known, nullptr, site);
}
inline void emit_given(known_fault known, diag_context const& context,
                       std::source_location site = std::source_location::current()) {
    emit(known, &context, site);
}
inline void emit_with_context(known_fault known, diag_context const& context = diag_context::capture(),
                              std::source_location site = std::source_location::current()) {
    emit(known, &context, site);
}

}  // namespace framealloc::detail
