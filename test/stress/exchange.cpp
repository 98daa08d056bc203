// SPDX-License-Identifier: MIT OR Apache-2.0
#include "support/test.hpp"

#include "support/process.hpp"

#include <framealloc/sync/mutex.hpp>

#include <array>
#include <atomic>
#include <memory>
#include <mutex>
#include <tuple>

// The exchange between threads by itself: nothing lost, nothing doubled, the order of each putter kept, nobody waits.

using namespace framealloc;
using namespace framealloc::test;

namespace {

struct item {
    std::size_t putter = 0;
    std::size_t number = 0;
    std::size_t payload = 0;  // written before it is put, read after it was taken: publication is what is tested
};

using every_sync = std::tuple<sync::lock_free, sync::mutex<std::mutex>>;

}  // namespace

BOOST_AUTO_TEST_SUITE(exchange)

BOOST_AUTO_TEST_CASE_TEMPLATE(it_is_a_bounded_queue_for_one_thread, Sync, every_sync)
{
    typename Sync::template exchange<int, 4> e;
    int items[6] = {};
    for (int round = 0; round < 100; ++round) {
        BOOST_TEST(e.try_take() == nullptr);
        for (std::size_t i = 0; i < 4; ++i) BOOST_TEST(e.try_put(&items[i]));
        BOOST_TEST(!e.try_put(&items[4]));
        BOOST_TEST(e.try_take() == &items[0]);
        BOOST_TEST(e.try_put(&items[4]));
        BOOST_TEST(!e.try_put(&items[5]));
        for (std::size_t i = 1; i < 5; ++i) BOOST_TEST(e.try_take() == &items[i]);
    }
}

template <class Exchange>
void hammer(std::size_t putters, std::size_t takers, std::size_t each) {
    auto const e = std::make_unique<Exchange>();
    std::vector<std::vector<item>> items(putters, std::vector<item>(each));
    std::vector<std::vector<item*>> taken(takers);
    std::atomic<std::size_t> left{putters * each}, wrong{0};
    on_threads(putters + takers, [&](std::size_t t) {
        if (t < putters) {
            for (std::size_t n = 0; n < each; ++n) {
                items[t][n] = {t, n, t * 1000003 + n};
                while (!e->try_put(&items[t][n])) std::this_thread::yield();
            }
        } else {
            std::vector<item*>& mine = taken[t - putters];
            while (left != 0) {
                item* const i = e->try_take();
                if (i == nullptr) {
                    std::this_thread::yield();
                    continue;
                }
                --left;
                wrong += i->payload != i->putter * 1000003 + i->number;
                mine.push_back(i);
            }
        }
    });
    BOOST_TEST(wrong == 0u);
    BOOST_TEST(e->try_take() == nullptr);
    std::vector<std::vector<int>> seen(putters, std::vector<int>(each));
    for (auto const& mine : taken) {
        // What one taker gets of one putter comes in the order in which it was put.
        std::vector<std::size_t> next(putters, 0);
        for (item const* i : mine) {
            wrong += i->number < next[i->putter];
            next[i->putter] = i->number + 1;
            ++seen[i->putter][i->number];
        }
    }
    for (auto const& of_putter : seen) {
        for (int const times : of_putter) wrong += times != 1;
    }
    BOOST_TEST(wrong == 0u);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(between_threads_nothing_is_lost_or_doubled_and_order_is_kept, Sync, every_sync)
{
    constexpr std::size_t each = repetitions(20000, 4000);
    hammer<typename Sync::template exchange<item, 2>>(1, 1, each);
    hammer<typename Sync::template exchange<item, 4>>(3, 1, each);
    hammer<typename Sync::template exchange<item, 16>>(1, 3, each);
    hammer<typename Sync::template exchange<item, 16>>(3, 3, each);
}

BOOST_AUTO_TEST_SUITE_END()
