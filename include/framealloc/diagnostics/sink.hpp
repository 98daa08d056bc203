// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/detail/atomic.hpp>
#include <framealloc/detail/platform/platform.hpp>

namespace framealloc::inline v0_1 {

/// Where reports go: called with one whole report, of at most 1279 bytes, a line end last and a zero behind it. On any thread,
/// by several at once: who passes each report on in one write, as standard error gets them, mixes none with another.
using diagnostic_sink = void (*)(char const* text, std::size_t bytes) noexcept;

namespace detail {
inline constinit atomic<diagnostic_sink> installed_diagnostic_sink{&platform::write_error};
}

/// Replaces the process's sink and answers the one before it; null restores standard error. It says where the text goes;
/// whether the program goes on is for the fault handler and the strict mode. Thread-safe.
inline diagnostic_sink set_diagnostic_sink(diagnostic_sink sink) noexcept {
    return detail::installed_diagnostic_sink.exchange(sink != nullptr ? sink : &detail::platform::write_error,
                                                      detail::order::acq_rel);
}

}  // namespace framealloc
