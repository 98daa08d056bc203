// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <atomic>
#include <cstddef>
#include <thread>
#include <vector>

namespace framealloc::inline v0_1::testing::kit {

/// Runs `body(i)` on `count` threads that start together, and answers how many failures the bodies counted.
template <class Body>
[[nodiscard]] std::size_t failures_of_threads(std::size_t count, Body&& body) {
    std::atomic<std::size_t> ready{0}, failures{0};
    std::vector<std::thread> threads;
    for (std::size_t i = 0; i < count; ++i) {
        threads.emplace_back([&, i] {
            ready.fetch_add(1);
            while (ready.load() < count) std::this_thread::yield();
            failures.fetch_add(body(i));
        });
    }
    for (std::thread& t : threads) t.join();
    return failures.load();
}

}  // namespace framealloc::testing::kit
