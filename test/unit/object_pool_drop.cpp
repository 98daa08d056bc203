// SPDX-License-Identifier: MIT OR Apache-2.0
#include "support/test.hpp"

#include "support/failing.hpp"
#include "support/fake_clock.hpp"

#include <framealloc/diagnostics/counters.hpp>
#include <framealloc/object_pool/concurrent_pool.hpp>
#include <framealloc/object_pool/fixed_pool.hpp>
#include <framealloc/object_pool/growing_pool.hpp>
#include <framealloc/object_pool/lock_free_pool.hpp>
#include <framealloc/object_pool/slots/bitmap.hpp>

#include <chrono>
#include <functional>
#include <thread>
#include <vector>

using namespace framealloc;
using namespace std::chrono_literals;

namespace {

/// Notes its end, which takes as long as it says.
struct slow {
    static inline std::vector<int> ended;
    static inline std::thread::id ended_on;
    static inline std::function<void(int)> on_end;
    int number;
    unsigned long long nanoseconds = 0;
    ~slow()
    {
        ended.push_back(number);
        ended_on = std::this_thread::get_id();
        test::fake_clock::pass(nanoseconds);
    }
    void on_release()
    {
        if (on_end) on_end(number);
    }
};
std::vector<int> taken_ends() { return std::exchange(slow::ended, {}); }

struct manual_clock {
    using duration = std::chrono::nanoseconds;
    using rep = duration::rep;
    using period = duration::period;
    using time_point = std::chrono::time_point<manual_clock>;
    [[maybe_unused]] static constexpr bool is_steady = true;
    static time_point now() { return time_point{duration{static_cast<rep>(test::fake_clock::nanoseconds())}}; }
};

using numbers = std::vector<int>;

template <class Pool>
void the_oldest_end_first()
{
    static_cast<void>(taken_ends());
    Pool pool{8};
    std::vector<slow*> all;
    for (int i = 0; i < 6; ++i) all.push_back(pool.allocate(i));
    for (int const i : {2, 0, 5}) pool.free(all[std::size_t(i)]);
    BOOST_TEST(slow::ended.empty());
    BOOST_TEST(pool.pending() == 3u);
    BOOST_TEST(pool.live() == 6u);  // their slots are taken
    BOOST_TEST(pool.stats().pending == 3u);
    BOOST_TEST(all[2]->number == 2);  // and they are as they were
    BOOST_TEST(pool.drop_pending() == 3u);
    BOOST_TEST((taken_ends() == numbers{2, 0, 5}));
    BOOST_TEST(pool.pending() == 0u);
    BOOST_TEST(pool.live() == 3u);
    BOOST_TEST(pool.drop_pending() == 0u);

    // One by one, with others that come in between.
    pool.free(all[1]);
    pool.free(all[3]);
    BOOST_TEST(pool.drop_pending(0ns) == 1u);
    pool.free(all[4]);
    BOOST_TEST((taken_ends() == numbers{1}));
    BOOST_TEST(pool.pending() == 2u);
    BOOST_TEST(pool.drop_pending() == 2u);
    BOOST_TEST((taken_ends() == numbers{3, 4}));
    BOOST_TEST(pool.live() == 0u);
}

using deferred = drop::deferred;

}  // namespace

BOOST_AUTO_TEST_SUITE(object_pool_drop)

BOOST_AUTO_TEST_CASE(what_is_given_back_waits_and_the_oldest_ends_first)
{
    the_oldest_end_first<fixed_pool<slow, deferred>>();
    the_oldest_end_first<fixed_pool<slow, deferred, slots::bitmap>>();
    the_oldest_end_first<fixed_pool<slow, deferred, slots::free_list>>();
    the_oldest_end_first<growing_pool<slow, deferred>>();
    the_oldest_end_first<lock_free_pool<slow, deferred>>();
    the_oldest_end_first<concurrent_pool<slow, std::mutex, deferred>>();
    the_oldest_end_first<fixed_pool<slow, deferred, sharing::local>>();
    the_oldest_end_first<fixed_pool<slow, deferred, diagnostics::checked>>();
}

BOOST_AUTO_TEST_CASE(a_budget_ends_when_the_time_is_over)
{
    fixed_pool<slow, deferred> pool{20};
    for (int i = 0; i < 10; ++i) pool.free(pool.allocate(i, 100ull));
    BOOST_TEST(pool.drop_pending<manual_clock>(250ns) == 3u);  // 100, 200, 300: then it is over
    BOOST_TEST(pool.pending() == 7u);
    BOOST_TEST(pool.drop_pending<manual_clock>(200ns) == 2u);
    BOOST_TEST(pool.drop_pending<manual_clock>(0ns) == 1u);  // one at least
    BOOST_TEST(pool.drop_pending<manual_clock>(-5ns) == 1u);
    BOOST_TEST(pool.pending() == 3u);
    BOOST_TEST(pool.drop_pending<manual_clock>(std::chrono::nanoseconds::max()) == 3u);  // no end
    BOOST_TEST(pool.drop_pending<manual_clock>(250ns) == 0u);
    BOOST_TEST((taken_ends() == numbers{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}));
}

BOOST_AUTO_TEST_CASE(a_pool_without_slots_ends_what_waits_before_it_refuses)
{
    auto const makes_room = [](auto&& pool) {
        static_cast<void>(taken_ends());
        slow* const a = pool.allocate(1);
        slow* const b = pool.allocate(2);
        pool.free(a);
        BOOST_TEST(slow::ended.empty());
        slow* const c = pool.try_allocate(3);
        BOOST_TEST(c == a);
        BOOST_TEST((taken_ends() == numbers{1}));
        BOOST_TEST(pool.try_allocate(4) == nullptr);
        pool.free(b);
        pool.free(c);
        std::vector<slow*> both(2);
        BOOST_TEST(pool.try_allocate_n(both, [](std::size_t i) { return slow{int(i)}; }));
        BOOST_TEST(pool.pending() == 0u);
        BOOST_TEST(pool.live() == 2u);
    };
    makes_room(fixed_pool<slow, deferred>{2});
    makes_room(growing_pool<slow, deferred>{{.capacity = 2, .maximum = 2}});
    makes_room(lock_free_pool<slow, deferred>{2});
    makes_room(concurrent_pool<slow, std::mutex, deferred, storage::fixed>{2});
}

BOOST_AUTO_TEST_CASE(a_pool_that_may_grow_does_so_and_lets_wait)
{
    static_cast<void>(taken_ends());
    growing_pool<slow, deferred> pool{{.capacity = 1, .maximum = 2}};
    pool.free(pool.allocate(1));
    slow* const two = pool.allocate(2);
    BOOST_TEST(slow::ended.empty());
    BOOST_TEST(pool.capacity() == 2u);
    pool.free(two);
    BOOST_TEST(pool.allocate(3) != nullptr);  // now it may not
    BOOST_TEST((taken_ends() == numbers{1, 2}));
}

BOOST_AUTO_TEST_CASE(a_pool_that_ends_ends_what_waits_first)
{
    static_cast<void>(taken_ends());
    {
        fixed_pool<slow, deferred> pool{4};
        slow* const first = pool.allocate(1);
        static_cast<void>(pool.allocate(2));
        slow* const third = pool.allocate(3);
        pool.free(third);
        pool.free(first);
    }
    BOOST_TEST((taken_ends() == numbers{3, 1, 2}));
}

BOOST_AUTO_TEST_CASE(any_thread_ends_what_others_gave_back)
{
    auto const elsewhere = [](auto&& pool) {
        static_cast<void>(taken_ends());
        pool.free(pool.allocate(1));
        std::thread::id other;
        std::thread{[&] {
            other = std::this_thread::get_id();
            BOOST_TEST(pool.drop_pending() == 1u);
        }}.join();
        BOOST_TEST((slow::ended_on == other));
        BOOST_TEST(pool.live() == 0u);
    };
    elsewhere(concurrent_pool<slow, std::mutex, deferred>{2});
    elsewhere(lock_free_pool<slow, deferred>{2});
}

BOOST_AUTO_TEST_CASE(one_drops_at_a_time_and_what_comes_meanwhile_ends_as_well)
{
    static_cast<void>(taken_ends());
    fixed_pool<slow, deferred> pool{4};
    slow* const a = pool.allocate(1);
    slow* const b = pool.allocate(2);
    slow::on_end = [&](int number) {
        if (number == 1) pool.free(b);
        BOOST_TEST(pool.drop_pending() == 0u);  // from within
    };
    pool.free(a);
    BOOST_TEST(pool.drop_pending() == 2u);
    slow::on_end = nullptr;
    BOOST_TEST((taken_ends() == numbers{1, 2}));
    BOOST_TEST(pool.pending() == 0u);
}

BOOST_AUTO_TEST_CASE(counts_say_what_was_given_back_and_what_waits)
{
    fixed_pool<slow, deferred, diagnostics::counters> pool{3};
    pool.free(pool.allocate(1));
    object_pool_stats s = pool.stats();
    BOOST_TEST(s.frees == 1u);
    BOOST_TEST(s.pending == 1u);
    BOOST_TEST(s.live == 1u);
    static_cast<void>(pool.drop_pending());
    s = pool.stats();
    BOOST_TEST(s.frees == 1u);
    BOOST_TEST(s.pending == 0u);
    BOOST_TEST(s.live == 0u);
}

#if FRAMEALLOC_EXCEPTIONS

BOOST_AUTO_TEST_CASE(a_hook_that_throws_comes_out_of_the_drop_and_the_rest_still_waits)
{
    static_cast<void>(taken_ends());
    fixed_pool<slow, deferred> pool{4};
    std::vector<slow*> all(4);
    for (std::size_t i = 0; i < 4; ++i) all[i] = pool.allocate(int(i));
    slow::on_end = [](int number) {
        if (number % 2 == 1) throw number;
    };
    pool.free_n(all);
    BOOST_CHECK_EXCEPTION(pool.drop_pending(), int, [](int i) { return i == 1; });
    BOOST_TEST((taken_ends() == numbers{0, 1}));  // the one that threw has ended
    BOOST_TEST(pool.pending() == 2u);
    BOOST_TEST(pool.live() == 2u);
    // Whoever wants a slot is not told of it.
    for (int i = 4; i < 7; ++i) BOOST_TEST(pool.try_allocate(2 * i) != nullptr);
    BOOST_TEST((taken_ends() == numbers{2, 3}));
    slow::on_end = nullptr;
}

#endif

BOOST_AUTO_TEST_SUITE_END()
