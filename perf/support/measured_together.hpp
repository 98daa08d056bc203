// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <thread>
#include <vector>

/// The wall time of a part of what several threads do: from when all of them have come to its begin until the last one has
/// come to its end. What they do before and after, being born and dying included, is not in it.
class measured_together {
    using clock = std::chrono::steady_clock;

public:
    explicit measured_together(std::size_t threads) : threads_(threads) {}

    void begin() {
        if (begun_.fetch_add(1) + 1 == threads_) {
            first_ = clock::now();
            running_.store(true);
        }
        while (!running_.load()) std::this_thread::yield();
    }
    /// Waits for the others: nobody clears up while another is measured.
    void end() {
        if (ended_.fetch_add(1) + 1 == threads_) {
            last_ = clock::now();
            running_.store(false);
        }
        while (running_.load()) std::this_thread::yield();
    }
    [[nodiscard]] double seconds() const { return std::chrono::duration<double>(last_ - first_).count(); }

private:
    std::size_t threads_;
    std::atomic<std::size_t> begun_{0}, ended_{0};
    std::atomic<bool> running_{false};
    clock::time_point first_{}, last_{};
};

/// Runs `body(i, part)` on `threads` threads, of which each calls `part.begin()` and `part.end()` once. Answers the seconds
/// between.
template <class Body>
[[nodiscard]] double seconds_of(std::size_t threads, Body body) {
    measured_together part{threads};
    std::vector<std::thread> running;
    for (std::size_t i = 0; i < threads; ++i) running.emplace_back([&, i] { body(i, part); });
    for (std::thread& t : running) t.join();
    return part.seconds();
}
