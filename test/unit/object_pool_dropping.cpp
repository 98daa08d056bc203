// SPDX-License-Identifier: MIT OR Apache-2.0
#include "support/test.hpp"

#include "support/faults.hpp"

#include <framealloc/object_pool/concurrent_pool.hpp>
#include <framealloc/object_pool/drop_at_frame_end.hpp>
#include <framealloc/object_pool/drop_thread.hpp>
#include <framealloc/object_pool/fixed_pool.hpp>
#include <framealloc/object_pool/lock_free_pool.hpp>
#include <framealloc/smart_alloc.hpp>

#include <atomic>
#include <string>
#include <thread>
#include <tuple>
#include <vector>

using namespace framealloc;
using namespace framealloc::test;
using namespace std::chrono_literals;

namespace {

struct logged {
    inline static std::string log;
    char letter;
    ~logged() { log += letter; }
};

struct watched {
    inline static std::atomic<int> alive{0};
    inline static std::atomic<std::thread::id> ended_on{};
    watched() { ++alive; }
    watched(watched const&) = delete;
    ~watched()
    {
        ended_on = std::this_thread::get_id();
        --alive;
    }
};
using served_pools = std::tuple<concurrent_pool<watched, std::mutex, drop::deferred>, lock_free_pool<watched, drop::deferred>>;

}  // namespace

BOOST_AUTO_TEST_SUITE(dropping_later)

BOOST_AUTO_TEST_CASE(what_is_given_back_in_a_frame_ends_with_it_the_oldest_first)
{
    smart_alloc alloc;
    fixed_pool<logged, drop::deferred> pool{8};
    logged::log.clear();
    for (int frame = 0; frame < 2; ++frame) {
        alloc.begin_frame();
        drop_at_frame_end(alloc, pool);
        for (char const c : {'a', 'b', 'c'}) pool.free(pool.allocate(c));
        BOOST_TEST(pool.pending() == 3u);
        BOOST_TEST(logged::log == (frame == 0 ? "" : "abc"));
        alloc.end_frame();
        BOOST_TEST(pool.pending() == 0u);
    }
    BOOST_TEST(logged::log == "abcabc");
}

BOOST_AUTO_TEST_CASE(with_no_time_left_in_the_frame_one_ends_and_the_others_wait_for_the_next)
{
    smart_alloc alloc;
    fixed_pool<logged, drop::deferred> pool{8};
    logged::log.clear();
    for (char const c : {'a', 'b', 'c'}) pool.free(pool.allocate(c));
    for (std::string const expected : {"a", "ab", "abc", "abc"}) {
        alloc.begin_frame();
        drop_at_frame_end(alloc, pool, 0ns);
        alloc.end_frame();
        BOOST_TEST(logged::log == expected);
    }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_thread_of_its_own_ends_what_waits, Pool, served_pools)
{
    Pool pool{64};
    {
        drop_thread<Pool> janitor{pool, 1h};  // it is woken, or it ends
        for (int round = 0; round < 3; ++round) {
            for (int i = 0; i < 10; ++i) pool.free(pool.allocate());
            janitor.wake();
            while (pool.live() != 0) std::this_thread::yield();
            BOOST_TEST(watched::alive == 0);
            BOOST_TEST((watched::ended_on.load() != std::this_thread::get_id()));
        }
        pool.free(pool.allocate());
    }
    BOOST_TEST(pool.live() == 0u);  // the thread's last work
}

BOOST_AUTO_TEST_CASE(it_looks_by_itself_after_a_while)
{
    concurrent_pool<watched, std::mutex, drop::deferred> pool{64};
    drop_thread const janitor{pool, 1ms};
    pool.free(pool.allocate());
    while (pool.live() != 0) std::this_thread::yield();
    BOOST_TEST(watched::alive == 0);
}

BOOST_AUTO_TEST_SUITE_END()
