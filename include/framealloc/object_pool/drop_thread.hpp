// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/object_pool/basic_object_pool.hpp>

#include <condition_variable>
#include <mutex>
#include <stop_token>
#include <thread>

namespace framealloc::inline v0_1 {

/// A thread of its own that ends what waits in a pool with `drop::deferred`, so that nobody else spends time on it:
///
///     concurrent_pool<world, std::mutex, drop::deferred> worlds{4};
///     drop_thread janitor{worlds, 5ms};
///
///   Cost      A thread, which wakes after each `every`, and sooner when `wake()` is called.
///   Threads   `wake` may be called on any.
///   Failure   The constructor throws `std::system_error` where there are no more threads. Hooks must not throw.
///   Lifetime  The pool outlives it. Its end waits for the thread, which ends all that waits then.
template <class Pool>
class drop_thread {
    static_assert(Pool::defers_drop,
                  "framealloc: a pool whose objects end at once has nothing that waits; see drop::deferred");
    static_assert(Pool::is_thread_safe, "framealloc: a pool for one thread cannot be served by another");
    static_assert(Pool::ends_quietly, "framealloc: hooks that throw have nobody to throw to on this thread");

public:
    explicit drop_thread(Pool& pool FRAMEALLOC_LIFETIMEBOUND,
                         std::chrono::nanoseconds every = std::chrono::milliseconds{1})
        : pool_(pool), every_(every), thread_([this](std::stop_token const& stop) { serve(stop); }) {}
    drop_thread(drop_thread const&) = delete;
    drop_thread& operator=(drop_thread const&) = delete;

    /// It looks now.
    void wake() {
        {
            std::lock_guard const guard{mutex_};
            called_ = true;
        }
        come_.notify_one();
    }

private:
    void serve(std::stop_token const& stop) {
        while (!stop.stop_requested()) {
            static_cast<void>(pool_.drop_pending());
            std::unique_lock guard{mutex_};
            come_.wait_for(guard, stop, every_, [this] { return called_; });
            called_ = false;
        }
        static_cast<void>(pool_.drop_pending());
    }

    Pool& pool_;
    std::chrono::nanoseconds every_;
    std::mutex mutex_;
    std::condition_variable_any come_;
    bool called_ = false;
    std::jthread thread_;  // last: it uses all others
};

}  // namespace framealloc
