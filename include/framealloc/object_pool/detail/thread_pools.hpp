// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/detail/assembly.hpp>
#include <framealloc/detail/atomic.hpp>
#include <framealloc/detail/platform/platform.hpp>

namespace framealloc::inline v0_1::detail {

/// A thread's part of a `thread_local_pool`, whatever its type: in the list of its instance, which owns it, and in that of its
/// thread, which lets go of it when it ends.
///
///   Threads   Links are read and written under `thread_pools_guard`, which is held in no call of a user.
struct thread_pool_node {
    unsigned long long thread = 0;          ///< whose it is, for good: numbers are never used again
    thread_pool_node* next = nullptr;       ///< of the instance
    thread_pool_node* next_here = nullptr;  ///< of the thread
    thread_pool_node** at_here = nullptr;   ///< what points to it in the thread's list; null: it is in none
    /// The thread has ended. True: nothing lives there, and the instance has let go of it; the caller deletes it.
    bool (*leave)(thread_pool_node&) noexcept = nullptr;
    void (*destroy)(thread_pool_node&) noexcept = nullptr;

    void leave_thread() noexcept {
        if (at_here == nullptr) return;
        *at_here = next_here;
        if (next_here != nullptr) next_here->at_here = at_here;
        at_here = nullptr;
        next_here = nullptr;
    }
};

inline constinit platform::mutex thread_pools_guard{};
inline constinit atomic<unsigned long long> thread_local_pools_made{0};
inline constinit atomic<unsigned long long> pool_threads_seen{0};

/// The calling thread's parts. It has no destructor, so that it may be read when the thread's destructors run.
struct thread_pools_here {
    thread_pool_node* first = nullptr;
    unsigned long long number = 0;
    bool ended = false;

    [[nodiscard]] unsigned long long numbered() noexcept {
        if (number == 0) number = pool_threads_seen.fetch_add(1, order::relaxed) + 1;
        return number;
    }

    /// Under the guard. A thread whose destructors have come this far keeps no list any more.
    void add(thread_pool_node& n) noexcept {
        if (ended) return;
        n.next_here = first;
        n.at_here = &first;
        if (first != nullptr) first->at_here = &n.next_here;
        first = &n;
    }
};
FRAMEALLOC_TLS_MODEL inline constinit thread_local thread_pools_here pools_of_thread{};

struct thread_pools_end {
    bool used = false;
    ~thread_pools_end() {
        thread_pool_node* gone = nullptr;
        {
            locked const guard{thread_pools_guard};
            pools_of_thread.ended = true;
            while (thread_pool_node* const n = pools_of_thread.first) {
                n->leave_thread();
                if (n->leave(*n)) {
                    n->next_here = gone;
                    gone = n;
                }
            }
        }
        while (gone != nullptr) {
            thread_pool_node* const next = gone->next_here;
            gone->destroy(*gone);
            gone = next;
        }
    }
};
inline thread_local thread_pools_end end_of_thread_pools;

}  // namespace framealloc::detail
