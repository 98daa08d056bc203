// SPDX-License-Identifier: MIT OR Apache-2.0
#include "support/test.hpp"

#include <framealloc/object_pool/concurrent_pool.hpp>
#include <framealloc/object_pool/slots/bitmap.hpp>
#include <framealloc/object_pool/lock_free_pool.hpp>

#include <absl/synchronization/mutex.h>

#include <pthread.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <mutex>
#include <random>
#include <thread>
#include <vector>

using namespace framealloc;

// Object pools between threads: a slot has one owner at a time, nothing is lost, and a pool refuses only when it is full.

namespace {

#if FRAMEALLOC_THREAD_SANITIZER || FRAMEALLOC_ADDRESS_SANITIZER
constexpr int rounds = 4'000;
#else
constexpr int rounds = 30'000;
#endif
constexpr unsigned thread_count = 4;

/// Whose it is, in plain words: two owners at once are seen here, and by ThreadSanitizer.
struct possession {
    static inline std::atomic<long> alive{0};
    unsigned owner;
    std::uint64_t values[3]{};
    explicit possession(unsigned o) : owner(o) { alive.fetch_add(1, std::memory_order_relaxed); }
    ~possession()
    {
        owner = 0;
        alive.fetch_sub(1, std::memory_order_relaxed);
    }
};

template <class Body>
void on_threads(unsigned threads, Body&& body)
{
    std::vector<std::thread> all;
    std::atomic<unsigned> ready{0};
    for (unsigned t = 1; t <= threads; ++t) {
        all.emplace_back([&, t] {
            ++ready;
            while (ready.load() != threads) std::this_thread::yield();
            body(t);
        });
    }
    for (std::thread& t : all) t.join();
}

template <class Pool>
void drop_what_waits(Pool& pool)
{
    if constexpr (Pool::defers_drop) static_cast<void>(pool.drop_pending());
}

/// Threads allocate, write, look and give back at random; what they have too much of they hand to the others.
template <class Pool>
void each_slot_has_one_owner(std::size_t capacity)
{
    std::atomic<bool> wrong{false};
    {
        Pool pool{{.capacity = capacity}};
        std::atomic<possession*> exchange[8]{};
        on_threads(thread_count, [&](unsigned me) {
            std::mt19937 random{me};
            std::vector<possession*> mine;
            auto const look = [&](possession* p) {
                if (p->owner != me || p->values[0] != me || p->values[2] != me) wrong = true;
            };
            for (int i = 0; i < rounds; ++i) {
                if (random() % 2 == 0) {
                    if (possession* const p = pool.try_allocate(me)) {
                        p->values[0] = p->values[2] = me;
                        mine.push_back(p);
                    }
                } else if (!mine.empty()) {
                    std::swap(mine[random() % mine.size()], mine.back());
                    look(mine.back());
                    possession* const p = mine.back();
                    mine.pop_back();
                    if (random() % 4 == 0) {
                        // Whoever comes there next gives it back.
                        possession* const other = exchange[random() % 8].exchange(p, std::memory_order_acq_rel);
                        if (other != nullptr) pool.free(other);
                    } else {
                        pool.free(p);
                    }
                }
                if (random() % 64 == 0) drop_what_waits(pool);
            }
            for (possession* const p : mine) {
                look(p);
                pool.free(p);
            }
        });
        for (auto& place : exchange) {
            if (possession* const p = place.load()) pool.free(p);
        }
        drop_what_waits(pool);
        BOOST_TEST(pool.live() == 0u);
        BOOST_TEST(pool.available() == pool.capacity());
        // Each slot is there once.
        std::vector<possession*> all;
        std::size_t const slots = pool.capacity();
        for (std::size_t i = 0; i < slots; ++i) all.push_back(pool.try_allocate(1u));
        std::sort(all.begin(), all.end());
        BOOST_TEST(all.front() != nullptr);
        BOOST_TEST((std::adjacent_find(all.begin(), all.end()) == all.end()));
        for (possession* const p : all) pool.free(p);
    }
    BOOST_TEST(!wrong);
    BOOST_TEST(possession::alive == 0);
}

/// As many slots as threads, each of which has one at most: so there is always one for who has none.
template <class Pool>
void a_free_slot_is_found()
{
    for (unsigned const threads : {2u, 3u, 4u}) {
        Pool pool{threads};
        std::atomic<unsigned> refused{0};
        on_threads(threads, [&](unsigned me) {
            for (int i = 0; i < rounds; ++i) {
                possession* const p = pool.try_allocate(me);
                if (p == nullptr) {
                    ++refused;
                } else {
                    pool.free(p);
                }
            }
        });
        BOOST_TEST(refused == 0u);
        BOOST_TEST(pool.live() == 0u);
    }
}

template <class T, class... P>
using fixed_locked = concurrent_pool<T, std::mutex, storage::fixed, P...>;
template <class T, class... P>
using one_stack = lock_free_pool<T, slots::index_stack<1>, P...>;

}  // namespace

BOOST_AUTO_TEST_SUITE(object_pools_between_threads)

BOOST_AUTO_TEST_CASE(a_slot_has_one_owner_at_a_time_and_none_is_lost)
{
    for (std::size_t const capacity : {5u, 64u, 1000u}) {
        each_slot_has_one_owner<fixed_locked<possession>>(capacity);
        each_slot_has_one_owner<lock_free_pool<possession>>(capacity);
        each_slot_has_one_owner<one_stack<possession>>(capacity);
    }
    each_slot_has_one_owner<concurrent_pool<possession>>(2);
    each_slot_has_one_owner<concurrent_pool<possession, absl::Mutex>>(2);
    each_slot_has_one_owner<concurrent_pool<possession, std::mutex, slots::bitmap>>(2);
    each_slot_has_one_owner<concurrent_pool<possession, std::mutex, diagnostics::checked>>(2);
    each_slot_has_one_owner<lock_free_pool<possession, diagnostics::checked>>(30);
    each_slot_has_one_owner<lock_free_pool<possession, drop::deferred>>(30);
    each_slot_has_one_owner<concurrent_pool<possession, std::mutex, drop::deferred>>(30);
}

BOOST_AUTO_TEST_CASE(a_slot_that_comes_back_at_once_is_not_mistaken_for_the_one_that_was_seen)
{
    // Few slots that change hands all the time: what a thread has read of a stack is old before it acts on it.
    for (std::size_t const capacity : {1u, 2u, 3u}) {
        each_slot_has_one_owner<lock_free_pool<possession>>(capacity);
        each_slot_has_one_owner<one_stack<possession>>(capacity);
    }
}

BOOST_AUTO_TEST_CASE(a_pool_refuses_only_when_it_is_full)
{
    a_free_slot_is_found<lock_free_pool<possession>>();
    a_free_slot_is_found<one_stack<possession>>();
    a_free_slot_is_found<lock_free_pool<possession, slots::index_stack<2>>>();
    a_free_slot_is_found<fixed_locked<possession>>();
}

namespace {

struct witness {
    std::uint64_t a, b;
    explicit witness(std::uint64_t v) : a(v), b(v) {}
    ~witness() { a = b = 0; }
};

template <class Pool>
void upgrades_race_with_the_last_end()
{
    using weak_type = typename Pool::weak_type;
    Pool pool{8};
    std::atomic<bool> stop{false};
    std::atomic<int> wrong{0}, locked{0};
    std::mutex guard;
    weak_type seen;
    std::thread maker{[&] {
        for (std::uint64_t i = 1; i <= std::uint64_t(rounds); ++i) {
            auto one = pool.make_shared(i);
            {
                std::scoped_lock const lock{guard};
                seen = one;
            }
            if (i % 16 == 0) std::this_thread::yield();
            one.reset();
        }
        stop = true;
    }};
    std::vector<std::thread> readers;
    for (int t = 0; t < 3; ++t) {
        readers.emplace_back([&] {
            weak_type mine;
            while (!stop) {
                {
                    std::scoped_lock const lock{guard};
                    mine = seen;
                }
                for (int i = 0; i < 8; ++i) {
                    auto const one = mine.lock();
                    if (!one) break;
                    ++locked;
                    if (one->a != one->b || one->a == 0) ++wrong;
                    auto const copy = one;
                    if (copy->a != one->a) ++wrong;
                }
            }
        });
    }
    maker.join();
    for (std::thread& t : readers) t.join();
    seen.reset();
    BOOST_TEST(wrong == 0);
    BOOST_TEST(pool.live() == 0u);
    BOOST_TEST_MESSAGE("upgrades that won: " << locked);
}

}  // namespace

BOOST_AUTO_TEST_CASE(an_upgrade_gets_a_whole_object_or_none_while_the_last_owner_ends)
{
    upgrades_race_with_the_last_end<lock_free_pool<witness, sharing::atomic>>();
    upgrades_race_with_the_last_end<fixed_locked<witness, sharing::atomic>>();
    upgrades_race_with_the_last_end<concurrent_pool<witness, std::mutex, sharing::atomic>>();
}

BOOST_AUTO_TEST_CASE(one_object_is_shared_by_all_threads_and_ends_once)
{
    lock_free_pool<possession, sharing::atomic> pool{2};
    std::atomic<bool> wrong{false};
    for (int round = 0; round < 50; ++round) {
        auto first = pool.make_shared(1u);
        std::vector<shared<possession>> one_each(thread_count, first);
        first.reset();
        on_threads(thread_count, [&](unsigned me) {
            shared<possession> mine = std::move(one_each[me - 1]);
            for (int i = 0; i < rounds / 100; ++i) {
                auto const copy = mine;
                if (copy->owner != 1u) wrong = true;
            }
        });
        BOOST_TEST_REQUIRE(!wrong);
        BOOST_TEST_REQUIRE(possession::alive == 0);
        BOOST_TEST_REQUIRE(pool.live() == 0u);
    }
}

namespace {

std::atomic<bool> is_suspended{false}, may_go_on{false};
void suspend(int)
{
    is_suspended = true;
    while (!may_go_on) {}
    is_suspended = false;
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_thread_that_is_suspended_anywhere_in_a_lock_free_pool_keeps_nobody_from_going_on)
{
    lock_free_pool<possession, slots::index_stack<1>> pool{8};
    struct sigaction how{}, before{};
    how.sa_handler = &suspend;
    ::sigaction(SIGUSR1, &how, &before);
    std::atomic<bool> stop{false}, has_begun{false};
    std::thread victim{[&] {
        while (!stop) {
            if (possession* const p = pool.try_allocate(1u)) pool.free(p);
            has_begun = true;
        }
    }};
    while (!has_begun) std::this_thread::yield();
    std::mt19937 random{11};
    for (int i = 0; i < 200; ++i) {
        for (auto wait = random() % 5000; wait > 0; --wait) std::atomic_signal_fence(std::memory_order_seq_cst);
        may_go_on = false;
        ::pthread_kill(victim.native_handle(), SIGUSR1);
        while (!is_suspended) std::this_thread::yield();
        // It holds one slot at most, wherever it stands. All others come and go meanwhile.
        std::vector<possession*> mine;
        for (int turn = 0; turn < 20; ++turn) {
            for (int n = 0; n < 7; ++n) mine.push_back(pool.try_allocate(2u));
            for (possession* const p : mine) {
                BOOST_TEST_REQUIRE(p != nullptr);
                pool.free(p);
            }
            mine.clear();
        }
        may_go_on = true;
        while (is_suspended) std::this_thread::yield();
    }
    stop = true;
    victim.join();
    ::sigaction(SIGUSR1, &before, nullptr);
    BOOST_TEST(pool.live() == 0u);
}

BOOST_AUTO_TEST_CASE(a_thread_ends_what_the_others_give_back)
{
    auto const drops = [](auto&& pool) {
        std::atomic<unsigned> at_work{thread_count};
        std::size_t dropped = 0;
        std::thread dropper{[&] {
            while (at_work != 0) dropped += pool.drop_pending();
            dropped += pool.drop_pending();
        }};
        std::atomic<std::size_t> given{0};
        on_threads(thread_count, [&](unsigned me) {
            for (int i = 0; i < rounds; ++i) {
                if (possession* const p = pool.try_allocate(me)) {
                    pool.free(p);
                    ++given;
                }
            }
            --at_work;
        });
        dropper.join();
        static_cast<void>(pool.drop_pending());
        BOOST_TEST(dropped <= given);  // who found no slot has ended some itself
        BOOST_TEST(given > 0u);
        BOOST_TEST(pool.pending() == 0u);
        BOOST_TEST(pool.live() == 0u);
        BOOST_TEST(possession::alive == 0);
    };
    drops(lock_free_pool<possession, drop::deferred>{50});
    drops(fixed_locked<possession, drop::deferred>{50});
    drops(concurrent_pool<possession, std::mutex, drop::deferred>{{.capacity = 10, .maximum = 100}});
}

BOOST_AUTO_TEST_CASE(pools_grow_while_others_use_them)
{
    concurrent_pool<possession> pool{{.capacity = 1, .growth = growth::linear(3)}};
    std::vector<std::vector<possession*>> all(thread_count);
    std::atomic<bool> wrong{false};
    on_threads(thread_count, [&](unsigned me) {
        for (int i = 0; i < 300; ++i) {
            possession* const p = pool.allocate(me);
            p->values[1] = std::uint64_t(i);
            all[me - 1].push_back(p);
            if (!pool.owns(p)) wrong = true;
        }
    });
    BOOST_TEST(!wrong);
    BOOST_TEST(pool.live() == 300 * thread_count);
    for (unsigned t = 0; t < thread_count; ++t) {
        for (std::size_t i = 0; i < 300; ++i) {
            BOOST_TEST_REQUIRE(all[t][i]->owner == t + 1);
            BOOST_TEST_REQUIRE(all[t][i]->values[1] == i);
        }
        pool.free_n(all[t]);
    }
    BOOST_TEST(pool.live() == 0u);
}

BOOST_AUTO_TEST_SUITE_END()
