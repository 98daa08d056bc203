// SPDX-License-Identifier: MIT OR Apache-2.0
#include "support/test.hpp"

#include "support/faults.hpp"
#include "support/process.hpp"

#include <framealloc/backend/static_buffer.hpp>
#include <framealloc/diagnostics/checked.hpp>
#include <framealloc/object_pool/thread_local_pool.hpp>

#include <barrier>
#include <set>
#include <string>
#include <thread>
#include <vector>

using namespace framealloc;
using namespace framealloc::test;

namespace {

struct noted {
    inline static std::atomic<int> alive{0};
    std::string text = "long enough to have memory of its own, so that a lost one is a leak";
    int number;
    explicit noted(int n = 0) : number(n) { ++alive; }
    noted(noted const&) = delete;
    ~noted() { --alive; }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(pools_of_threads)

BOOST_AUTO_TEST_CASE(each_thread_has_a_pool_of_its_own_made_at_its_first_use)
{
    constexpr std::size_t threads = 8, objects = 100;
    thread_local_pool<noted> pool{16};
    BOOST_TEST(pool.instances() == 0u);
    std::vector<std::vector<noted*>> of(threads);
    std::barrier together{static_cast<std::ptrdiff_t>(threads)};
    std::atomic<std::size_t> most{0};
    std::vector<std::thread> all;
    for (std::size_t t = 0; t < threads; ++t) {
        all.emplace_back([&, t] {
            for (std::size_t i = 0; i < objects; ++i) of[t].push_back(pool.allocate(static_cast<int>(t)));
            together.arrive_and_wait();
            if (t == 0) most = pool.instances();
            together.arrive_and_wait();
            for (noted* const n : of[t]) pool.free(n);
        });
    }
    for (std::thread& t : all) t.join();
    BOOST_TEST(most == threads);
    std::set<noted*> distinct;
    for (auto const& some : of) distinct.insert(some.begin(), some.end());
    BOOST_TEST(distinct.size() == threads * objects);
    BOOST_TEST(pool.instances() == 0u);  // they went with their threads
    BOOST_TEST(noted::alive == 0);
}

BOOST_AUTO_TEST_CASE(handles_give_back_to_the_pool_that_they_came_from)
{
    thread_local_pool<noted> pool{4};
    {
        auto const one = pool.make(1);
        auto two = pool.try_make(2);
        BOOST_TEST(one->number + two->number == 3);
        BOOST_TEST(pool.local().live() == 2u);
        two.reset();
        BOOST_TEST(pool.local().live() == 1u);
    }
    BOOST_TEST(pool.local().live() == 0u);
}

BOOST_AUTO_TEST_CASE(what_lives_when_its_thread_ends_stays_until_the_pool_ends_and_is_nobody_elses)
{
    {
        thread_local_pool<noted> pool{4};
        noted* left = nullptr;
        on_a_thread([&] { left = pool.allocate(7); });
        BOOST_TEST(pool.instances() == 1u);
        on_a_thread([&] {
            auto const mine = pool.make(8);
            BOOST_TEST(!pool.local().owns(left));
            BOOST_TEST(pool.instances() == 2u);
        });
        BOOST_TEST(pool.instances() == 1u);
        BOOST_TEST(left->number == 7);
    }
    BOOST_TEST(noted::alive == 0);
}

BOOST_AUTO_TEST_CASE(an_owner_that_the_thread_destroys_last_gives_back_to_the_pool_that_it_came_from)
{
    static std::atomic<std::size_t> left{99};
    thread_local_pool<noted> pool{4};
    static thread_local_pool<noted>* used = nullptr;
    used = &pool;
    struct keeper {
        thread_local_pool<noted>::owned_type held;
        ~keeper()
        {
            // Another thread comes in between, and must not be handed what this one has.
            on_a_thread([] { auto const other = used->make(2); });
            held.reset();
            left = used->local().live();
        }
    };
    on_a_thread([&] {
        static thread_local keeper kept;  // made before the thread's pool, destroyed after it
        kept.held = pool.make(1);
    });
    BOOST_TEST(left == 0u);
    BOOST_TEST(noted::alive == 0);
}

BOOST_AUTO_TEST_CASE(all_that_lives_ends_with_the_pool)
{
    {
        thread_local_pool<noted> pool{4};
        static_cast<void>(pool.allocate(1));
        on_a_thread([&] { static_cast<void>(pool.allocate(2)); });
        BOOST_TEST(noted::alive == 2);
    }
    BOOST_TEST(noted::alive == 0);
}

BOOST_AUTO_TEST_CASE(several_of_one_type_stay_apart_on_each_thread)
{
    thread_local_pool<noted> first{4}, second{4};
    for (int round = 0; round < 3; ++round) {
        auto const a = first.make(1);
        auto const b = second.make(2);
        BOOST_TEST(first.local().live() == 1u);
        BOOST_TEST(second.local().live() == 1u);
        BOOST_TEST(!first.local().owns(b.get()));
    }
    {
        thread_local_pool<noted> third{4};  // where an earlier one may have been
        BOOST_TEST(third.instances() == 0u);
        static_cast<void>(third.allocate(3));
        BOOST_TEST(third.local().live() == 1u);
    }
    BOOST_TEST(first.local().live() + second.local().live() == 0u);
}

BOOST_AUTO_TEST_CASE(a_threads_destructors_may_use_it_after_its_pool_has_gone)
{
    static thread_local_pool<noted>* used = nullptr;
    thread_local_pool<noted> pool{4};
    used = &pool;
    struct late {
        bool is_used = false;
        ~late()
        {
            auto const one = used->make(1);
            static_cast<void>(used->allocate(2));
        }
    };
    on_a_thread([&] {
        static thread_local late before;  // constructed first, destroyed after the thread's pools were
        before.is_used = true;
        auto const one = pool.make(3);
    });
    BOOST_TEST(noted::alive == 1);
    auto const here = pool.make(4);
    BOOST_TEST(here->number == 4);
}

BOOST_AUTO_TEST_CASE(an_object_of_another_thread_is_named_and_stays)
{
    fault_recorder const faults;
    thread_local_pool<noted, diagnostics::checked> pool{{.capacity = 4, .name = "jobs"}};
    noted* const mine = pool.allocate(1);
    on_a_thread([&] { pool.free(mine); });
    BOOST_TEST((faults.codes() == std::vector{fault_code::wrong_thread}));
    BOOST_TEST(faults.last_would_stop());
    BOOST_TEST(faults.last_text().find("pool: jobs") != std::string::npos, faults.last_text());
    BOOST_TEST(noted::alive == 1);
    BOOST_TEST(mine->number == 1);
    pool.free(mine);
    BOOST_TEST(faults.count() == 1u);
    BOOST_TEST(noted::alive == 0);
}

BOOST_AUTO_TEST_CASE(what_its_policies_and_configuration_say_holds_for_each_thread)
{
    thread_local_pool<noted, storage::fixed> pool{{.capacity = 2, .alignment = 64}};
    auto const look = [&] {
        auto const a = pool.make(1), b = pool.make(2);
        BOOST_TEST(reinterpret_cast<std::uintptr_t>(b.get()) % 64 == 0u);
        BOOST_TEST(pool.try_allocate(3) == static_cast<noted*>(nullptr));
    };
    look();
    on_a_thread(look);
#if FRAMEALLOC_EXCEPTIONS
    BOOST_CHECK_THROW((thread_local_pool<noted>{{.capacity = 0}}), configuration_error);
#endif
}

BOOST_AUTO_TEST_CASE(a_first_use_that_is_refused_changes_nothing)
{
    thread_local_pool<noted, backend::static_buffer<4096>, storage::fixed> pool{1000};  // more than its backend has
    BOOST_TEST(pool.try_allocate(1) == static_cast<noted*>(nullptr));
    BOOST_TEST(pool.instances() == 0u);
#if FRAMEALLOC_EXCEPTIONS
    BOOST_CHECK_THROW(static_cast<void>(pool.allocate(1)), allocation_failure);
    BOOST_TEST(pool.instances() == 0u);
#endif
}

BOOST_AUTO_TEST_SUITE_END()
