// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include "histogram.hpp"

#include <chrono>
#include <cstdint>
#include <numeric>

#if defined(__x86_64__)
#include <x86intrin.h>
#endif

// Time for single operations: the processor's counter where there is one, which runs at one rate on all cores, less what
// measuring nothing takes.

namespace ticks {

#if defined(__x86_64__)
/// Nothing before it is still under way, nothing after it has begun: the fences hold the processor, the empty statements the
/// compiler.
[[gnu::always_inline]] inline std::uint64_t begin() {
    asm volatile("" : : : "memory");
    _mm_lfence();
    std::uint64_t const now = __rdtsc();
    _mm_lfence();
    asm volatile("" : : : "memory");
    return now;
}
[[gnu::always_inline]] inline std::uint64_t end() {
    asm volatile("" : : : "memory");
    unsigned core;
    std::uint64_t const now = __rdtscp(&core);  // waits for what is before it
    _mm_lfence();
    asm volatile("" : : : "memory");
    return now;
}
#else
inline std::uint64_t begin() {
    return static_cast<std::uint64_t>(std::chrono::steady_clock::now().time_since_epoch().count());
}
inline std::uint64_t end() { return begin(); }
#endif

/// What a tick is, measured against the clock once.
struct scale {
    double nanoseconds = 1;   ///< of one tick
    std::uint64_t empty = 0;  ///< ticks that measuring nothing takes, in the median
    std::uint64_t step = 0;   ///< what all differences between readings are multiples of

    [[nodiscard]] static scale const& here() {
        static scale const measured;
        return measured;
    }

private:
    scale() {
        auto const clock_begin = std::chrono::steady_clock::now();
        std::uint64_t const ticks_begin = begin();
        while (std::chrono::steady_clock::now() - clock_begin < std::chrono::milliseconds{20}) {}
        auto const clock_end = std::chrono::steady_clock::now();
        std::uint64_t const ticks_end = end();
        nanoseconds = std::chrono::duration<double, std::nano>(clock_end - clock_begin).count() /
                      static_cast<double>(ticks_end - ticks_begin);
        histogram nothing;
        std::uint64_t last = end();
        for (int i = 0; i < 20'000; ++i) {
            std::uint64_t const before = begin();
            std::uint64_t const after = end();
            nothing.record(after - before);
            step = std::gcd(step, std::gcd(before - last, after - before));
            last = after;
        }
        empty = nothing.at(0.5);
    }
};

/// Times of one operation.
class stopwatch {
public:
    [[gnu::always_inline]] void begin() { begun_ = ticks::begin(); }
    [[gnu::always_inline]] void end() { times_.record(took()); }

    /// Ticks since `begin`, for who decides later what is recorded.
    [[nodiscard, gnu::always_inline]] std::uint64_t took() {
        std::uint64_t const whole = ticks::end() - begun_;
        return whole > empty_ ? whole - empty_ : 0;
    }
    void record(std::uint64_t ticks) { times_.record(ticks); }
    [[nodiscard]] histogram const& times() const { return times_; }

private:
    std::uint64_t const empty_ = scale::here().empty;
    std::uint64_t begun_ = 0;
    histogram times_;
};

}  // namespace ticks
