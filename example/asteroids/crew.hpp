// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <barrier>
#include <cstddef>
#include <exception>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

namespace asteroids {

/// How many workers the game has beside its main thread.
inline constexpr unsigned worker_count = 2;

/// Worker threads that live as long as the program and meet the main thread twice per job: before it, and when all are
/// done. What one side wrote before a meeting, the other sees after it.
class crew {
public:
    explicit crew(unsigned workers) : failures_(workers), start_(workers + 1), done_(workers + 1) {
        for (unsigned i = 0; i < workers; ++i) threads_.emplace_back([this, i] { work(i); });
    }
    ~crew() {
        job_ = nullptr;
        start_.arrive_and_wait();
    }
    crew(crew const&) = delete;
    crew& operator=(crew const&) = delete;

    [[nodiscard]] unsigned size() const noexcept { return static_cast<unsigned>(threads_.size()); }

    /// Calls `job(i)` on each worker i and waits for all. Throws what a worker threw.
    template <class Job>
    void run(Job&& job) {
        auto const call = [](void* what, unsigned i) { (*static_cast<std::remove_reference_t<Job>*>(what))(i); };
        job_ = call;
        what_ = &job;
        start_.arrive_and_wait();
        done_.arrive_and_wait();
        for (std::exception_ptr& f : failures_) {
            if (f) std::rethrow_exception(std::exchange(f, nullptr));
        }
    }

private:
    void work(unsigned i) {
        for (;;) {
            start_.arrive_and_wait();
            if (job_ == nullptr) return;
            try {
                job_(what_, i);
            } catch (...) {
                failures_[i] = std::current_exception();
            }
            done_.arrive_and_wait();
        }
    }

    void (*job_)(void*, unsigned) = nullptr;
    void* what_ = nullptr;
    std::vector<std::exception_ptr> failures_;
    std::barrier<> start_, done_;
    std::vector<std::jthread> threads_;  // last, so that they are gone before what they use
};

}  // namespace asteroids
