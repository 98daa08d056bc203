// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>
#include <vector>

/// How long single turns took: a frame is lost to its slowest moment, which a mean does not show. It reads the clock once
/// per turn, which takes some twenty nanoseconds: it is for benchmarks of their own.
class distribution {
    using clock = std::chrono::steady_clock;

public:
    distribution() { nanoseconds_.reserve(kept); }

    void begin() { last_ = clock::now(); }
    void turn() {
        auto const now = clock::now();
        double const took = std::chrono::duration<double, std::nano>(now - last_).count();
        last_ = now;
        longest_ = std::max(longest_, took);
        if (nanoseconds_.size() < kept) nanoseconds_.push_back(took);
    }

    /// Adds p50, p99, p99.9 and the longest turn, in microseconds, to the benchmark's line. What the host takes away shows in
    /// the longest.
    void report(benchmark::State& state) {
        if (nanoseconds_.empty()) return;
        state.counters["p50_us"] = percentile(0.50) / 1000;
        state.counters["p99_us"] = percentile(0.99) / 1000;
        state.counters["p999_us"] = percentile(0.999) / 1000;
        state.counters["max_us"] = longest_ / 1000;
    }

private:
    static constexpr std::size_t kept = 1 << 18;

    double percentile(double share) {
        auto const rank = static_cast<std::ptrdiff_t>(share * static_cast<double>(nanoseconds_.size() - 1));
        std::nth_element(nanoseconds_.begin(), nanoseconds_.begin() + rank, nanoseconds_.end());
        return nanoseconds_[static_cast<std::size_t>(rank)];
    }

    std::vector<double> nanoseconds_;
    clock::time_point last_{};
    double longest_ = 0;
};
