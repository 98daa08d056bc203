// SPDX-License-Identifier: MIT OR Apache-2.0
#include "support/test.hpp"

#include "support/forking.hpp"

#include <chrono>
#include <memory>

// A child of fork() has one thread; what the others did at that moment stays as it was, half done. The child can
// allocate and free all the same.

using namespace framealloc;
using namespace framealloc::test;

namespace {

constexpr layout small{.bytes = 64, .align = 16};

/// Keeps whoever commits memory, and the lock that he holds meanwhile, until it is let go.
struct holding_backend : backend::virtual_memory {
    static inline std::atomic<bool> holds{false}, somebody_inside{false};

    [[nodiscard]] bool commit(void* p, std::size_t bytes) noexcept {
        if (holds) {
            somebody_inside = true;
            while (holds) std::this_thread::yield();
            somebody_inside = false;
        }
        return backend::virtual_memory::commit(p, bytes);
    }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(forking)

BOOST_AUTO_TEST_CASE_TEMPLATE(children_born_beside_busy_threads_allocate_and_start_threads, Alloc, every_forking_alloc)
{
    fork_beside_busy_threads<Alloc>(repetitions(20, 5));  // two hundred are among the stress tests
}

BOOST_AUTO_TEST_CASE(a_fork_waits_for_whoever_holds_a_lock)
{
    // Otherwise the child would inherit the lock and nobody to open it.
    basic_smart_alloc<holding_backend> alloc;
    static_cast<void>(alloc.attach_thread());
    holding_backend::holds = true;
    std::thread holder{[&] { alloc.pool_free(alloc.pool_alloc(small), small); }};
    while (!holding_backend::somebody_inside) std::this_thread::yield();
    std::thread opener{[] {
        std::this_thread::sleep_for(std::chrono::milliseconds{100});  // the fork has begun by then, most likely
        holding_backend::holds = false;
    }};
    auto const child = run_in_child([&] {
        limit_time();
        if (holding_backend::somebody_inside) return 1;
        return use(alloc, 1);
    });
    opener.join();
    holder.join();
    BOOST_TEST(child.exited);
    BOOST_TEST(child.status == 0);
}

BOOST_AUTO_TEST_CASE(a_child_never_takes_over_what_other_threads_held)
{
    // A record of a thread that did not come along is kept for its memory, and never adopted: it may be half changed.
    basic_smart_alloc<backend_for_children> alloc;
    std::atomic<int> step{0};
    unsigned char* theirs = nullptr;
    std::thread other{[&] {
        alloc.begin_frame();
        theirs = static_cast<unsigned char*>(alloc.frame_alloc(small));
        std::memset(theirs, 0x77, small.bytes);
        for (int i = 0; i < 100; ++i) alloc.pool_free(alloc.pool_alloc(small), small);
        step = 1;
        while (step != 2) std::this_thread::yield();
        alloc.end_frame();
    }};
    while (step != 1) std::this_thread::yield();
    auto const child = run_in_child([&] {
        limit_time();
        if (alloc.stats().threads != 0) return 1;
        alloc.begin_frame();
        static_cast<void>(alloc.frame_alloc(layout{.bytes = 60000, .align = 16}));
        alloc.end_frame();
        if (alloc.stats().threads != 1) return 2;
        return theirs[0] == 0x77 && theirs[63] == 0x77 ? 0 : 3;
    });
    step = 2;
    other.join();
    BOOST_TEST(child.succeeded());
    BOOST_TEST(child.status == 0);
}

BOOST_AUTO_TEST_CASE(a_child_may_end_the_instance_and_make_new_ones)
{
    auto alloc = std::make_unique<basic_smart_alloc<backend_for_children>>();
    std::atomic<bool> stop{false};
    std::thread busy{[&] {
        while (!stop) use(*alloc, 1);
    }};
    for (std::size_t i = 0; i < repetitions(50, 10); ++i) {
        auto const child = run_in_child([&] {
            limit_time();
            if (use(*alloc, 2) != 0) return 1;
            alloc.reset();  // its other thread is not waited for
            basic_smart_alloc<backend_for_children> fresh;
            return use(fresh, 3);
        });
        BOOST_TEST(child.succeeded());
    }
    stop = true;
    busy.join();
}

BOOST_AUTO_TEST_CASE(a_child_of_one_thread_carries_on)
{
    basic_smart_alloc<sync::single_threaded> alloc;
    alloc.begin_frame();
    int* const before = alloc.frame_new<int>(42);
    auto const child = run_in_child([&] {
        limit_time();
        if (*before != 42) return 20;
        if (int const status = use(alloc, 1)) return status;
        alloc.end_frame();
        return alloc.verify() ? use(alloc, 2) : 21;
    });
    BOOST_TEST(child.succeeded());
    BOOST_TEST(*before == 42);
    alloc.end_frame();
}

BOOST_AUTO_TEST_CASE(grandchildren_work_as_well)
{
    basic_smart_alloc<backend_for_children> alloc;
    int const here = use(alloc, 0);
    BOOST_TEST(here == 0);
    auto const child = run_in_child([&] {
        limit_time();
        if (int const status = use(alloc, 1)) return status;
        auto const grandchild = run_in_child([&] {
            limit_time();
            return use(alloc, 2);
        });
        return grandchild.succeeded() ? use(alloc, 3) : 50;
    });
    BOOST_TEST(child.succeeded());
}

BOOST_AUTO_TEST_SUITE_END()
