// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/detail/platform/platform.hpp>

namespace framealloc::inline v0_1 {

/// Clock: the system's own that never goes back. What a clock is: a static `nanoseconds()` that is noexcept, may be called
/// on any thread, and never answers less than it did before on the same thread. Only differences mean anything.
struct monotonic_clock {
    [[nodiscard]] static unsigned long long nanoseconds() noexcept { return detail::platform::monotonic_nanoseconds(); }
};

}  // namespace framealloc
