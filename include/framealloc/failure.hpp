// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/fault.hpp>
#include <framealloc/layout.hpp>

#include <new>

namespace framealloc::inline v0_1 {

/// Thrown by the plain allocation functions when they cannot serve a request: a `std::bad_alloc` that knows why.
class allocation_failure : public std::bad_alloc {
public:
    allocation_failure(fault const& f, layout request) noexcept : why_(f), request_(request) {
        f.write(text_, sizeof text_);
        why_.place = nullptr;
        why_.sites = nullptr;
    }

    [[nodiscard]] fault_code code() const noexcept { return why_.code; }
    /// What was refused, its tag and its numbers as members. Where it happened is in the text alone.
    [[nodiscard]] fault const& why() const noexcept { return why_; }
    [[nodiscard]] layout requested() const noexcept { return request_; }
    /// The whole report, as `fault::write` makes it.
    [[nodiscard]] char const* what() const noexcept override { return text_; }

private:
    fault why_;
    layout request_;
    char text_[1024];
};

/// Thrown by a constructor that was given a configuration out of range. Nothing has been built.
class configuration_error : public std::exception {
public:
    explicit configuration_error(fault const& f) noexcept { f.write(text_, sizeof text_); }
    [[nodiscard]] char const* what() const noexcept override { return text_; }

private:
    char text_[1536];
};

/// Where exceptions are off, called in place of a throw, after the fault has been reported. It must not return; if it
/// does, the program stops.
using failure_handler = void (*)(fault const&);

namespace detail {

inline constinit atomic<failure_handler> installed_failure_handler{nullptr};

[[noreturn]] FRAMEALLOC_COLD inline void fail_without_exceptions(fault f) {
    report(f);
    if (auto const handler = installed_failure_handler.load(order::acquire)) handler(f);
    platform::stop();
}

[[noreturn]] FRAMEALLOC_COLD inline void throw_failure(fault const& f, layout request) {
#if FRAMEALLOC_EXCEPTIONS
    throw allocation_failure(f, request);
#else
    static_cast<void>(request);
    fail_without_exceptions(f);
#endif
}

[[noreturn]] FRAMEALLOC_COLD inline void throw_bad_configuration(fault const& f) {
#if FRAMEALLOC_EXCEPTIONS
    throw configuration_error(f);
#else
    fail_without_exceptions(f);
#endif
}

}  // namespace detail

/// Replaces the handler for failures where exceptions are off, and answers the one before it. Thread-safe.
inline failure_handler set_failure_handler(failure_handler handler) noexcept {
    return detail::installed_failure_handler.exchange(handler, detail::order::acq_rel);
}

}  // namespace framealloc
