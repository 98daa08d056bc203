// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <atomic>

namespace framealloc::test {

/// A clock that stands still until the test moves it. The time belongs to the type; it never goes back.
struct fake_clock {
    static void pass(unsigned long long nanoseconds) { now_ += nanoseconds; }
    static unsigned long long nanoseconds() noexcept { return now_.load(); }

private:
    static inline std::atomic<unsigned long long> now_{1'000'000'000'000};
};

}  // namespace framealloc::test
