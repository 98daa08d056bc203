// SPDX-License-Identifier: MIT OR Apache-2.0
#include "support/test.hpp"

#include "support/faults.hpp"
#include "support/process.hpp"

#include <framealloc/group/group.hpp>
#include <framealloc/sync/mutex.hpp>
#include <framealloc/sync/owner_queue.hpp>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <tuple>
#include <vector>

using namespace framealloc;
using namespace framealloc::test;

namespace {

using every_sync_of_threads =
    std::tuple<smart_alloc, smart_alloc_debug, basic_smart_alloc<sync::mutex<std::mutex>>, basic_smart_alloc<sync::owner_queue>>;

constexpr int thread_count = 4;

template <class F>
void on_threads(F&& f)
{
    std::vector<std::thread> threads;
    for (int t = 0; t < thread_count; ++t) threads.emplace_back([&f, t] { f(t); });
    for (std::thread& t : threads) t.join();
}

struct counted {
    static inline std::atomic<int> alive{0};
    std::uint64_t stamp;
    explicit counted(std::uint64_t s) : stamp(s) { ++alive; }
    counted(counted const&) = delete;
    counted& operator=(counted const&) = delete;
    ~counted() { --alive; }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(groups_and_threads)

BOOST_AUTO_TEST_CASE_TEMPLATE(threads_fill_a_shared_group_and_no_byte_is_given_twice, Alloc, every_sync_of_threads)
{
    constexpr std::size_t each = repetitions(20000, 3000);
    Alloc alloc;
    // Small blocks, so that threads meet at their ends.
    auto level = alloc.groups().create("level_1", {.first_block_bytes = 512, .block_bytes = 16_KiB, .shared = true});
    std::vector<std::vector<std::pair<unsigned char*, std::size_t>>> given(thread_count);
    on_threads([&](int t) {
        for (std::size_t i = 0; i < each; ++i) {
            std::size_t const bytes = 1 + (i * 7 + std::size_t(t)) % 100;
            std::size_t const align = std::size_t{1} << (i % 7);
            // A few have blocks of their own.
            std::size_t const wanted = i % 500 == 0 ? 5000 + bytes : bytes;
            auto* const p = static_cast<unsigned char*>(level.alloc({.bytes = wanted, .align = align}));
            std::memset(p, t + 1, wanted);
            given[std::size_t(t)].emplace_back(p, wanted);
        }
    });
    bool whole = true;
    std::size_t sum = 0, blocks_alone = 0;
    for (int t = 0; t < thread_count; ++t) {
        for (auto const& [p, bytes] : given[std::size_t(t)]) {
            sum += bytes;
            blocks_alone += bytes >= 5000;
            for (std::size_t i = 0; i < bytes; ++i) whole = whole && p[i] == t + 1;
        }
    }
    BOOST_TEST(whole);
    group_stats const s = level.stats();
    BOOST_TEST(s.objects == each * thread_count);
    BOOST_TEST(s.bytes >= sum);
    BOOST_TEST(s.reserved_bytes >= s.bytes);
    // Blocks that came while another thread's did are used later, not lost.
    BOOST_TEST(s.blocks - blocks_alone <= sum / 16_KiB * 2 + 32);
    BOOST_TEST(alloc.stats().heap_blocks_live == s.blocks);
    level.free();
    BOOST_TEST(alloc.stats().heap_bytes_live == 0u);
    BOOST_TEST(bool(alloc.verify()));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(objects_that_threads_make_in_a_shared_group_are_all_destroyed, Alloc, every_sync_of_threads)
{
    constexpr std::uint64_t each = repetitions(10000, 1500);
    Alloc alloc;
    auto level = alloc.groups().create({}, {.shared = true});
    auto const ref = level.ref();
    on_threads([&](int t) {
        auto mine = ref;  // each thread has a reference of its own, or the group itself
        for (std::uint64_t i = 0; i < each; ++i) {
            counted* const c = t % 2 == 0 ? mine.template make<counted>(i) : level.template make<counted>(i);
            if (c->stamp != i) std::abort();
        }
    });
    BOOST_TEST(counted::alive == int(each) * thread_count);
    BOOST_TEST(level.stats().objects == each * thread_count);
    level.free();
    BOOST_TEST(counted::alive == 0);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(groups_come_and_go_on_all_threads_while_another_lists_them, Alloc, every_sync_of_threads)
{
    constexpr int rounds = repetitions(600, 100);
    Alloc alloc;
    std::atomic<bool> done{false};
    std::size_t most = 0;
    std::thread watcher{[&] {
        group_stats seen[32];
        while (!done) {
            std::size_t const n = alloc.groups().list(seen);
            most = std::max(most, n);
            for (std::size_t i = 0; i < std::min<std::size_t>(n, 32); ++i) {
                if (seen[i].bytes > seen[i].reserved_bytes || seen[i].name().size() > 8) std::abort();
            }
            static_cast<void>(alloc.groups().find("group 2").is_live());
        }
    }};
    std::atomic<int> refused{0};
    on_threads([&](int t) {
        std::string const name = "group " + std::to_string(t);
        for (int i = 0; i < rounds; ++i) {
            auto mine = alloc.groups().create(name, {.shared = i % 2 == 0});
            for (int k = 0; k < 300; ++k) mine.template make<counted>(std::uint64_t(k));
            static_cast<void>(mine.alloc({.bytes = 300_KiB}));
        }
    });
    // All want the same name: one at a time has it.
    fault_recorder const faults;
    on_threads([&](int) {
        for (int i = 0; i < rounds; ++i) {
            auto mine = alloc.groups().try_create("the one");
            if (!mine) {
                ++refused;
            } else {
                mine.template make<int>(i);
            }
        }
    });
    done = true;
    watcher.join();
    BOOST_TEST(std::size_t(refused) == faults.count());
    BOOST_TEST(most <= std::size_t{thread_count});
    BOOST_TEST(counted::alive == 0);
    BOOST_TEST(alloc.groups().count() == 0u);
    BOOST_TEST(alloc.stats().heap_bytes_live == 0u);
    BOOST_TEST(bool(alloc.verify()));
}

BOOST_AUTO_TEST_CASE(the_figures_of_a_group_may_be_listed_while_it_is_filled)
{
    smart_alloc alloc;
    auto level = alloc.groups().create("level_1");
    std::atomic<bool> done{false};
    std::thread watcher{[&] {
        std::size_t before = 0;
        while (!done) {
            group_stats seen;
            if (alloc.groups().list({&seen, 1}) != 1) std::abort();
            if (seen.objects < before || seen.bytes > seen.reserved_bytes) std::abort();
            before = seen.objects;
        }
    }};
    for (std::size_t i = 0; i < repetitions(2000000, 50000); ++i) level.make<std::size_t>(i);
    done = true;
    watcher.join();
    BOOST_TEST(level.stats().objects == repetitions(2000000, 50000));
}

BOOST_AUTO_TEST_SUITE_END()
