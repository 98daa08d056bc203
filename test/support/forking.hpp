// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include "support/child.hpp"
#include "support/process.hpp"

#include <framealloc/diagnostics/counters.hpp>
#include <framealloc/smart_alloc.hpp>
#include <framealloc/sync/mutex.hpp>

#include <atomic>
#include <cstring>
#include <mutex>
#include <tuple>

// Children of fork(), beside busy threads.

namespace framealloc::test {

// Sanitizers' own heaps cannot be relied upon in the child of a program with busy threads: memory straight from the
// system.
using backend_for_children =
    std::conditional_t<under_sanitizer, backend::virtual_memory, detail::default_policies::backend>;
template <class Sync, class Diagnostics>
using forking_alloc = basic_smart_alloc<Sync, Diagnostics, backend_for_children>;

using every_forking_alloc = std::tuple<
    forking_alloc<sync::lock_free, diagnostics::none>, forking_alloc<sync::lock_free, diagnostics::counters>,
    forking_alloc<sync::lock_free, diagnostics::checked>, forking_alloc<sync::mutex<std::mutex>, diagnostics::none>,
    forking_alloc<sync::mutex<std::mutex>, diagnostics::counters>,
    forking_alloc<sync::mutex<std::mutex>, diagnostics::checked>>;

/// All three intents, large and small, fresh and reused. 0 where everything was served and kept what was written.
template <class Alloc>
int use(Alloc& alloc, unsigned char mark) {
    bool const mine = !alloc.frame_is_open();
    if (mine && !alloc.try_begin_frame()) return 1;
    auto* const in_frame = static_cast<unsigned char*>(alloc.try_frame_alloc(layout{.bytes = 200000, .align = 16}));
    constexpr layout small{.bytes = 64, .align = 16};
    unsigned char* in_pool[300];
    if (in_frame == nullptr) return 2;
    in_frame[0] = in_frame[199999] = mark;
    for (unsigned char*& p : in_pool) {
        p = static_cast<unsigned char*>(alloc.try_pool_alloc(small));
        if (p == nullptr) return 3;
        std::memset(p, mark, small.bytes);
    }
    auto* const in_heap = static_cast<unsigned char*>(alloc.try_heap_alloc(layout{.bytes = 30000, .align = 16}));
    if (in_heap == nullptr) return 4;
    in_heap[0] = in_heap[29999] = mark;
    int wrong = 0;
    for (unsigned char* p : in_pool) {
        if (p[0] != mark || p[63] != mark) wrong = 5;
        alloc.pool_free(p, small);
    }
    if (in_frame[0] != mark || in_frame[199999] != mark) wrong = 6;
    if (in_heap[0] != mark || in_heap[29999] != mark) wrong = 7;
    alloc.heap_free(in_heap);
    if (mine) alloc.end_frame();
    return wrong;
}

/// A child that does not end is a child that waits for a lock.
inline void limit_time() { ::alarm(30); }

/// Forks `children` children, one after the other, beside three busy threads. Each one allocates, frees, ends the frame
/// that it was born in, and starts a thread that does the same.
template <class Alloc>
void fork_beside_busy_threads(std::size_t children)
{
    constexpr layout small{.bytes = 64, .align = 16};
    Alloc alloc;
    std::atomic<bool> stop{false};
    std::atomic<int> wrong{0}, running{0};
    alloc.begin_frame();
    int* const before = alloc.template frame_new<int>(42);
    void* const block = alloc.pool_alloc(small);
    void* const large = alloc.heap_alloc(layout{.bytes = 10000, .align = 16});
    std::vector<std::thread> busy;
    for (unsigned char t = 0; t < 3; ++t) {
        busy.emplace_back([&, t] {
            ++running;
            while (!stop) wrong += use(alloc, t) != 0;
        });
    }
    while (running != 3) std::this_thread::yield();  // what starts a thread may hold locks of its own
    std::size_t failed = 0;
    for (std::size_t i = 0; i < children; ++i) {
        auto const child = run_in_child([&] {
            limit_time();
            if (*before != 42) return 20;  // this thread's frame is still there
            alloc.pool_free(block, small);
            alloc.heap_free(large);
            if (int const status = use(alloc, 9)) return status;
            alloc.end_frame();
            if (int const status = use(alloc, 10)) return 30 + status;
            // ThreadSanitizer refuses threads in the child of a program with threads.
            if constexpr (!under_thread_sanitizer) {
                int in_thread = -1;
                on_a_thread([&] { in_thread = use(alloc, 11); });
                if (in_thread != 0) return 40 + in_thread;
            }
            return 0;
        });
        if (child.succeeded()) continue;
        BOOST_TEST_MESSAGE("child " << i << ": status " << child.status << ", signal " << child.signal << ' '
                                    << child.error_text);
        if (++failed == 5) break;
    }
    stop = true;
    for (std::thread& t : busy) t.join();
    BOOST_TEST(failed == 0u);
    BOOST_TEST(wrong == 0);

    // The parent has not noticed.
    BOOST_TEST(*before == 42);
    alloc.pool_free(block, small);
    alloc.heap_free(large);
    alloc.end_frame();
    BOOST_TEST(alloc.stats().pool_blocks_live == 0u);
    BOOST_TEST(alloc.stats().heap_blocks_live == 0u);
    BOOST_TEST(bool(alloc.verify()));
}

}  // namespace framealloc::test
