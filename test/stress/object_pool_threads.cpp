// SPDX-License-Identifier: MIT OR Apache-2.0
#include "support/test.hpp"

#include "support/model.hpp"
#include "support/process.hpp"

#include <framealloc/object_pool/concurrent_pool.hpp>
#include <framealloc/object_pool/lock_free_pool.hpp>
#include <framealloc/object_pool/slots/bitmap.hpp>

#include <absl/synchronization/mutex.h>

#include <array>
#include <atomic>
#include <csignal>
#include <pthread.h>
#include <thread>
#include <tuple>
#include <vector>

// Threads that use one pool at once. Objects have plain members, which their owners write: that an object has one owner at a
// time, and that the next one sees what the last one did, ThreadSanitizer says.

using namespace framealloc;
using namespace framealloc::test;

namespace {

constexpr std::uint64_t alive_mark = 0xA11FEA11FEA11FE5, ended_mark = 0xDEADDEADDEADDEAD;

struct object {
    std::uint64_t mark = alive_mark;
    std::size_t owner;
    std::size_t rounds = 0;
    explicit object(std::size_t o) : owner(o) {}
    object(object const&) = delete;
    ~object() { mark = ended_mark; }
};

using pools = std::tuple<
    concurrent_pool<object>, concurrent_pool<object, absl::Mutex, slots::bitmap>,
    concurrent_pool<object, std::mutex, storage::fixed>, lock_free_pool<object>,
    lock_free_pool<object, slots::index_stack<1>>, lock_free_pool<object, sharing::atomic, drop::deferred>>;
using lock_free_pools = std::tuple<lock_free_pool<object>, lock_free_pool<object, slots::index_stack<1>>>;
using sharing_pools = std::tuple<concurrent_pool<object, std::mutex, sharing::atomic>, lock_free_pool<object, sharing::atomic>>;

constexpr std::size_t thread_count = 4;

template <class Pool>
void end_what_waits(Pool& pool)
{
    if constexpr (Pool::defers_drop) static_cast<void>(pool.drop_pending());
}

}  // namespace

BOOST_AUTO_TEST_SUITE(pools_under_many_threads)

BOOST_AUTO_TEST_CASE_TEMPLATE(an_object_has_one_owner_at_a_time_whichever_thread_gives_it_back, Pool, pools)
{
    std::size_t const rounds = repetitions(20'000, 3'000);
    Pool pool{64};
    std::array<std::atomic<object*>, 16> handed{};
    std::atomic<std::size_t> wrong{0};
    on_threads(thread_count, [&](std::size_t self) {
        random_numbers random{self + 1};
        std::vector<object*> mine;
        for (std::size_t i = 0; i < rounds; ++i) {
            if (mine.empty() || (mine.size() < 12 && random.below(2) == 0)) {
                object* const one = pool.try_allocate(self);
                if (one == nullptr) {
                    end_what_waits(pool);
                    continue;
                }
                wrong += one->mark != alive_mark || one->owner != self || one->rounds != 0;
                mine.push_back(one);
            } else {
                std::swap(mine[random.below(mine.size())], mine.back());
                object* one = mine.back();
                mine.pop_back();
                wrong += one->mark != alive_mark || one->owner != self;
                ++one->rounds;
                if (random.below(2) == 0) one = handed[random.below(handed.size())].exchange(one);
                if (one != nullptr) {
                    wrong += one->mark != alive_mark || one->rounds != 1;
                    pool.free(one);
                }
            }
        }
        for (object* const one : mine) pool.free(one);
    });
    for (auto& place : handed) {
        if (object* const one = place.load()) pool.free(one);
    }
    end_what_waits(pool);
    BOOST_TEST(wrong == 0u);
    BOOST_TEST(pool.live() == 0u);
    std::vector<object*> all;
    while (object* const one = pool.capacity() > all.size() ? pool.try_allocate(7u) : nullptr) all.push_back(one);
    BOOST_TEST(all.size() == pool.capacity());  // no slot was lost
}

BOOST_AUTO_TEST_CASE_TEMPLATE(nobody_is_refused_while_a_slot_is_free, Pool, pools)
{
    // As many slots as threads, each of which has one at most: when one of them asks, there is one.
    std::size_t const rounds = repetitions(20'000, 3'000);
    Pool pool{{.capacity = thread_count, .maximum = thread_count}};
    std::atomic<std::size_t> refused{0};
    on_threads(thread_count, [&](std::size_t self) {
        for (std::size_t i = 0; i < rounds; ++i) {
            object* const one = pool.try_allocate(self);
            if (one == nullptr) {
                ++refused;
            } else {
                pool.free(one);
            }
            if constexpr (Pool::defers_drop) {
                while (pool.pending() != 0 && pool.drop_pending() == 0) std::this_thread::yield();
            }
        }
    });
    // Where ends wait for another thread, a slot may wait with them.
    if constexpr (!Pool::defers_drop) BOOST_TEST(refused == 0u);
    BOOST_TEST(pool.live() == 0u);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(with_fewer_slots_than_threads_each_slot_has_one_owner, Pool, lock_free_pools)
{
    std::size_t const rounds = repetitions(50'000, 5'000);
    Pool pool{thread_count - 1};
    std::array<std::atomic<int>, thread_count - 1> held{};
    std::atomic<std::size_t> wrong{0}, served{0};
    object* const first = pool.allocate(0u);
    pool.free(first);
    on_threads(thread_count, [&](std::size_t self) {
        for (std::size_t i = 0; i < rounds; ++i) {
            object* const one = pool.try_allocate(self);
            if (one == nullptr) continue;
            ++served;
            auto const slot = static_cast<std::size_t>(one - first);
            wrong += slot >= held.size() || held[slot].exchange(1) != 0 || one->owner != self;
            one->owner = self + 100;
            held[slot].store(0);
            pool.free(one);
        }
    });
    BOOST_TEST(wrong == 0u);
    BOOST_TEST(served > 0u);
    BOOST_TEST(pool.available() == thread_count - 1);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(an_upgrade_and_the_last_owners_end_never_both_win, Pool, sharing_pools)
{
    std::size_t const rounds = repetitions(2'000, 300);
    Pool pool{2};
    std::atomic<std::size_t> wrong{0}, upgraded{0};
    for (std::size_t i = 0; i < rounds; ++i) {
        shared<object> last = pool.make_shared(i);
        weak<object> const seen = last;
        on_threads(3, [&](std::size_t self) {
            if (self == 0) {
                last.reset();
                return;
            }
            if (shared<object> const mine = seen.lock()) {
                ++upgraded;
                wrong += mine->mark != alive_mark || mine->owner != i;
            }
        });
        wrong += bool(seen.lock());
        wrong += pool.live() != 0;
        shared<object> const next = pool.make_shared(i + 1);  // in the same slot, perhaps
        wrong += bool(seen.lock());
    }
    BOOST_TEST(wrong == 0u);
    BOOST_TEST(pool.live() == 0u);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(copies_of_a_handle_may_come_and_go_on_any_thread, Pool, sharing_pools)
{
    std::size_t const rounds = repetitions(20'000, 3'000);
    Pool pool{2};
    shared<object> const one = pool.make_shared(5u);
    std::atomic<std::size_t> wrong{0};
    on_threads(thread_count, [&](std::size_t) {
        for (std::size_t i = 0; i < rounds; ++i) {
            shared<object> const copy = one;
            weak<object> const remembered = copy;
            wrong += copy->mark != alive_mark || !remembered.lock();
        }
    });
    BOOST_TEST(wrong == 0u);
    BOOST_TEST(one.use_count() == 1u);
}

// --- a thread that is suspended ---

namespace {

std::atomic<bool> hold{false}, held{false};

extern "C" void stay_here(int)
{
    held = true;
    while (hold) {}
    held = false;
}

}  // namespace

BOOST_AUTO_TEST_CASE_TEMPLATE(a_thread_that_is_stopped_anywhere_keeps_nobody_from_going_on, Pool, lock_free_pools)
{
    struct sigaction before {}, stop {};
    stop.sa_handler = &stay_here;
    BOOST_REQUIRE(::sigaction(SIGUSR1, &stop, &before) == 0);
    Pool pool{8};
    std::atomic<bool> done{false};
    std::thread stopped{[&] {
        while (!done) {
            if (object* const one = pool.try_allocate(1u)) pool.free(one);
        }
    }};
    for (std::size_t i = repetitions(100, 20); i != 0; --i) {
        hold = true;
        BOOST_REQUIRE(::pthread_kill(stopped.native_handle(), SIGUSR1) == 0);
        while (!held) std::this_thread::yield();
        // It stands still, with one slot at most. The others are served as ever.
        std::vector<object*> mine;
        for (int round = 0; round < 200; ++round) {
            while (mine.size() < 7) {
                object* const one = pool.try_allocate(2u);
                BOOST_TEST_REQUIRE((one != nullptr));
                mine.push_back(one);
            }
            for (object* const one : mine) pool.free(one);
            mine.clear();
        }
        hold = false;
        while (held) std::this_thread::yield();
    }
    done = true;
    stopped.join();
    BOOST_TEST(pool.available() == 8u);
    ::sigaction(SIGUSR1, &before, nullptr);
}

BOOST_AUTO_TEST_SUITE_END()
