// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/failure.hpp>

// Strict modes: which reports end the program, or the call, instead of being printed only.
//
// A report goes through three hands. The strict mode first says what `fault::stops` is, as the fault handler sees it. Then the
// handler writes, and decides; who has asked for silence by a sink has not asked for more. Where the mode is about the report
// and the handler has let it pass, its action comes last: so neither a handler nor a sink takes a strict mode away, unless the
// action is to leave it to them.
//
// Refusals that a plain form throws are no reports: an exception is loud enough.

namespace framealloc::inline v0_1 {

/// What a strict mode throws: the report, and what it was about.
class strict_violation : public std::exception {
public:
    explicit strict_violation(fault const& f) noexcept : code_(f.code), level_(f.code.level()) {
        f.write(text_, sizeof text_);
    }
    [[nodiscard]] fault_code code() const noexcept { return code_; }
    [[nodiscard]] fault_level level() const noexcept { return level_; }
    /// The whole report, as `fault::write` makes it.
    [[nodiscard]] char const* what() const noexcept override { return text_; }

private:
    fault_code code_;
    fault_level level_;
    char text_[1024];
};

namespace detail {

inline void throw_strict_violation([[maybe_unused]] fault const& f) {
#if FRAMEALLOC_EXCEPTIONS
    throw strict_violation(f);
#else
    platform::stop();
#endif
}

[[nodiscard]] inline strictness strictness_for(strict_mode mode, strict_action action) noexcept {
    if (action == strict_action::throw_exception) strict_thrower.store(&throw_strict_violation, order::release);
    return {mode, action};
}

}  // namespace detail

/// Sets the process's strict mode. It goes before what FRAMEALLOC_STRICT says, which is read before the first report of a
/// process that has not set any, and behind what a `strict_mode_guard` of the thread says.
///
/// FRAMEALLOC_STRICT is `off`, `warn`, `error` (`on_error`), `warning` (`on_warning`, the stricter of the two) or `all`; its
/// action is to abort. Anything else is reported (FA902), and is off. Thread-safe.
inline void set_strict_mode(strict_mode mode, strict_action action = strict_action::abort) noexcept {
    detail::process_strictness.store(detail::strictness_for(mode, action), detail::order::relaxed);
}

/// The mode that a report of the calling thread would meet now. Where nobody has set any, it reads the environment.
[[nodiscard]] inline strict_mode present_strict_mode() { return detail::present_strictness().mode; }

/// Whom a `strict_mode_guard` is for.
enum class strict_reach : unsigned char {
    thread,   ///< the thread that makes it
    process,  ///< all threads that have no guard of their own
};

/// A strict mode for as long as it lives; then it is again what it was before. Guards nest, and end in the block and on the
/// thread that made them.
class [[nodiscard]] strict_mode_guard {
public:
    explicit strict_mode_guard(strict_mode mode, strict_action action = strict_action::abort,
                               strict_reach reach = strict_reach::thread) noexcept
        : reach_(reach), before_(exchange(detail::strictness_for(mode, action))) {}
    ~strict_mode_guard() { exchange(before_); }
    strict_mode_guard(strict_mode_guard const&) = delete;
    strict_mode_guard& operator=(strict_mode_guard const&) = delete;

private:
    detail::strictness exchange(detail::strictness next) noexcept {
        if (reach_ == strict_reach::process) return detail::process_strictness.exchange(next, detail::order::relaxed);
        detail::strictness const before = detail::thread_strictness;
        detail::thread_strictness = next;
        return before;
    }

    strict_reach reach_;
    detail::strictness before_;
};

}  // namespace framealloc
