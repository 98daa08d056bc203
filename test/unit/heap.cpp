// SPDX-License-Identifier: MIT OR Apache-2.0
#include "support/test.hpp"

#include "support/faults.hpp"
#include "support/logged.hpp"

#include <framealloc/sync/mutex.hpp>

#include <algorithm>
#include <cstring>
#include <map>
#include <mutex>
#include <random>
#include <set>
#include <vector>

using namespace framealloc;
using test::backend_call;

namespace {

using from_malloc = test::logged<backend::system>;
/// One thread and no pools: every call of the backend is a heap block, or the record of one beyond the first 32.
using blocks_only = basic_smart_alloc<from_malloc, sync::single_threaded, pool::none>;

struct watched {
    test::backend_log log;
    blocks_only alloc{from_malloc{log}};
};

/// A mutex that counts how often it is taken.
struct counting_mutex {
    static inline std::size_t taken = 0;
    std::mutex inner;
    void lock() {
        ++taken;
        inner.lock();
    }
    void unlock() { inner.unlock(); }
    bool try_lock() {
        ++taken;
        return inner.try_lock();
    }
};

/// `backend::system`, whose own thread-safety is denied.
struct serialised : backend::system {
    static constexpr bool is_thread_safe = false;
};

template <class Alloc>
std::size_t locks_for_a_thousand_blocks(Alloc& alloc) {
    auto const one_round = [&] {
        for (int i = 0; i < 1000; ++i) {
            void* const p = alloc.heap_alloc(layout{.bytes = 100'000 + static_cast<std::size_t>(i) * 1000});
            alloc.heap_free(p);
        }
    };
    one_round();  // thread state, records
    std::size_t const before = counting_mutex::taken;
    one_round();
    return counting_mutex::taken - before;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(heap_blocks)

BOOST_FIXTURE_TEST_CASE(a_block_is_one_backend_call_and_its_free_another, watched)
{
    // Larger than what the cache keeps.
    void* const p = alloc.heap_alloc(layout{.bytes = 20'000'000});
    BOOST_TEST(log.count(backend_call::allocate) == 1u);
    BOOST_TEST(log.count() == 1u);
    layout const asked = log.asked(backend_call::allocate)[0];
    BOOST_TEST(asked.bytes >= 20'000'048u);
    BOOST_TEST(asked.bytes <= 25'000'060u);  // a fifth in rounding
    std::memset(p, 1, 20'000'000);
    alloc.heap_free(p);
    BOOST_TEST(log.count(backend_call::deallocate) == 1u);
    BOOST_TEST(log.count() == 2u);
    BOOST_TEST(log.is_balanced());
}

BOOST_FIXTURE_TEST_CASE(a_freed_block_serves_the_next_request_of_its_size_without_a_call, watched)
{
    for (std::size_t const bytes :
         {std::size_t{1}, std::size_t{100}, std::size_t{5000}, std::size_t{70'000}, std::size_t{3'000'000}}) {
        void* const first = alloc.heap_alloc(layout{.bytes = bytes});
        alloc.heap_free(first);
        std::size_t const calls = log.count();
        for (int i = 0; i < 100; ++i) {
            void* const again = alloc.heap_alloc(layout{.bytes = bytes});
            BOOST_TEST(again == first);
            alloc.heap_free(again);
        }
        BOOST_TEST(log.count() == calls);
    }
}

BOOST_FIXTURE_TEST_CASE(live_and_cached_bytes_are_known_exactly, watched)
{
    std::vector<void*> blocks;
    std::size_t bytes = 0;
    for (std::size_t i = 1; i <= 50; ++i) {
        blocks.push_back(alloc.heap_alloc(layout{.bytes = i * 100}));
        bytes += i * 100;
        BOOST_TEST(alloc.stats().heap_bytes_live == bytes);
        BOOST_TEST(alloc.stats().heap_blocks_live == i);
    }
    for (void* p : blocks) alloc.heap_free(p);
    BOOST_TEST(alloc.stats().heap_bytes_live == 0u);
    BOOST_TEST(alloc.stats().heap_blocks_live == 0u);
    BOOST_TEST(alloc.stats().heap_bytes_cached > 0u);
    BOOST_TEST(alloc.stats().backend_bytes == log.bytes_held());
    BOOST_TEST(bool(alloc.verify()));
}

BOOST_FIXTURE_TEST_CASE(the_cache_keeps_no_more_than_its_bytes, watched)
{
    std::vector<void*> blocks;
    for (int i = 0; i < 40; ++i)
        blocks.push_back(alloc.heap_alloc(layout{.bytes = 900'000 + static_cast<std::size_t>(i) * 40'000}));
    for (void* p : blocks) {
        alloc.heap_free(p);
        BOOST_TEST(alloc.stats().heap_bytes_cached <= 8_MiB);
    }
    BOOST_TEST(alloc.stats().heap_bytes_cached > 4_MiB);
    BOOST_TEST(alloc.stats().backend_bytes == log.bytes_held());
}

BOOST_FIXTURE_TEST_CASE(what_nobody_wants_any_more_leaves_the_cache, watched)
{
    alloc.heap_free(alloc.heap_alloc(layout{.bytes = 2'000'000}));
    std::size_t const kept = alloc.stats().heap_bytes_cached;
    BOOST_TEST(kept >= 2'000'000u);
    for (int i = 0; i < 10'000; ++i) alloc.heap_free(alloc.heap_alloc(layout{.bytes = 1000}));
    BOOST_TEST(alloc.stats().heap_bytes_cached < 2'000'000u);
}

BOOST_FIXTURE_TEST_CASE(zero_bytes_are_a_block_of_their_own_that_can_be_freed, watched)
{
    test::fault_recorder const faults;
    std::set<void*> seen;
    for (int i = 0; i < 100; ++i) seen.insert(alloc.heap_alloc(layout{.bytes = 0, .align = 1}));
    BOOST_TEST(seen.size() == 100u);
    BOOST_TEST(seen.count(nullptr) == 0u);
    bool by_address = false;
    for (void* p : seen) {
        by_address ? alloc.heap_free(p) : alloc.heap_free(p, layout{.bytes = 0, .align = 1});
        by_address = !by_address;
    }
    BOOST_TEST(faults.count() == 0u);
    BOOST_TEST(alloc.stats().heap_blocks_live == 0u);
}

BOOST_AUTO_TEST_CASE(what_is_not_freed_goes_back_at_the_end)
{
    test::backend_log log;
    {
        blocks_only alloc{from_malloc{log}};
        for (std::size_t i = 0; i < 500; ++i) {
            void* const p = alloc.heap_alloc(layout{.bytes = i * 333, .align = std::size_t{1} << i % 13});
            if (i % 3 == 0) alloc.heap_free(p);
        }
    }
    BOOST_TEST(log.is_balanced());
}

BOOST_AUTO_TEST_CASE(a_block_freed_twice_is_named_at_every_level)
{
    smart_alloc alloc;  // checks nothing that costs
    // So many that some are neighbours: where no other heap block is near, all that is known of an address is that it
    // is no heap block (FA211).
    std::vector<void*> neighbours;
    for (int i = 0; i < 100; ++i) neighbours.push_back(alloc.heap_alloc(layout{.bytes = 1000}));
    void* const p = neighbours[50];
    alloc.heap_free(p);
    alloc_stats const before = alloc.stats();
    test::fault_recorder const faults;
    alloc.heap_free(p);
    BOOST_TEST(faults.last() == fault_code::double_free);
    BOOST_TEST(!faults.last_would_stop());
    BOOST_TEST((alloc.stats() == before));
    BOOST_TEST(bool(alloc.verify()));
    // And it is given out once, not twice.
    BOOST_TEST(alloc.heap_alloc(layout{.bytes = 1000}) == p);
    BOOST_TEST(alloc.heap_alloc(layout{.bytes = 1000}) != p);
}

BOOST_AUTO_TEST_CASE(a_pointer_that_is_no_heap_block_is_named_at_every_level)
{
    smart_alloc alloc;
    smart_alloc other;
    void* const live = alloc.heap_alloc(layout{.bytes = 1000});
    void* const theirs = other.heap_alloc(layout{.bytes = 1000});
    void* const pooled = alloc.pool_alloc(layout{.bytes = 64});
    alignas(16) char on_stack[256] = {};
    static char in_data[256];
    alloc_stats const before = alloc.stats();
    test::fault_recorder const faults;
    alloc.heap_free(on_stack + 128);
    alloc.heap_free(in_data + 128);
    alloc.heap_free(pooled);
    alloc.heap_free(theirs);
    alloc.heap_free(static_cast<char*>(live) + 160);  // inside a block
    alloc.heap_free(static_cast<char*>(live) + 161);  // and at an address that no block can have
    BOOST_TEST(faults.codes() == std::vector<fault_code>(6, fault_code::foreign_pointer),
               boost::test_tools::per_element());
    BOOST_TEST((alloc.stats() == before));
    BOOST_TEST(bool(alloc.verify()));
    BOOST_TEST(other.stats().heap_blocks_live == 1u);
    alloc.heap_free(live);
    other.heap_free(theirs);
    alloc.pool_free(pooled);
    BOOST_TEST(faults.count() == 6u);
}

BOOST_AUTO_TEST_CASE(the_heap_path_takes_no_lock_over_a_thread_safe_backend)
{
    basic_smart_alloc<backend::system, sync::mutex<counting_mutex>> over_safe;
    BOOST_TEST(locks_for_a_thousand_blocks(over_safe) == 0u);
    // And one per backend call over one that is not.
    basic_smart_alloc<serialised, sync::mutex<counting_mutex>> over_unsafe{alloc_config{.heap_cache_bytes = 0}};
    BOOST_TEST(locks_for_a_thousand_blocks(over_unsafe) == 2000u);
}

BOOST_AUTO_TEST_CASE(live_blocks_never_overlap_and_keep_their_contents)
{
    unsigned const seed = std::random_device{}();
    std::mt19937 random{seed};
    BOOST_TEST_CONTEXT("seed " << seed) {
        smart_alloc alloc;
        struct live {
            std::size_t bytes;
            unsigned char fill;
        };
        std::map<unsigned char*, live> blocks;
        for (int step = 0; step < 8000; ++step) {
            if (blocks.empty() || random() % 100 < (step < 4000 ? 60u : 40u)) {
                std::size_t const bytes = random() % 50 == 0 ? random() % 300'000 : random() % 6000;
                std::size_t const align = std::size_t{1} << random() % 13;
                auto* const p = static_cast<unsigned char*>(alloc.heap_alloc(layout{.bytes = bytes, .align = align}));
                live const block{bytes, static_cast<unsigned char>(random())};
                auto const [at, fresh] = blocks.emplace(p, block);
                bool const above = at == blocks.begin() || std::prev(at)->first + std::prev(at)->second.bytes <= p;
                bool const below = std::next(at) == blocks.end() || p + bytes <= std::next(at)->first;
                if (!fresh || !above || !below) BOOST_FAIL("two live blocks overlap");
                std::memset(p, block.fill, bytes);
            } else {
                auto const at = std::next(
                    blocks.begin(), static_cast<std::ptrdiff_t>(random() % std::min<std::size_t>(blocks.size(), 40)));
                auto const [p, block] = *at;
                auto const intact = [fill = block.fill](unsigned char c) { return c == fill; };
                if (!std::all_of(p, p + block.bytes, intact)) BOOST_FAIL("a live block was written to");
                alloc.heap_free(p);
                blocks.erase(at);
            }
            if (step % 500 == 0) BOOST_TEST(bool(alloc.verify()));
        }
        for (auto const& [p, block] : blocks) alloc.heap_free(p);
        BOOST_TEST(alloc.stats().heap_blocks_live == 0u);
        BOOST_TEST(bool(alloc.verify()));
    }
}

BOOST_AUTO_TEST_SUITE_END()
