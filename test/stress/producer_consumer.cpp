// SPDX-License-Identifier: MIT OR Apache-2.0
#include "support/test.hpp"

#include "support/process.hpp"

#include <framealloc/backend/counting.hpp>
#include <framealloc/sync/mutex.hpp>
#include <framealloc/sync/owner_queue.hpp>

#include <array>
#include <atomic>
#include <latch>
#include <mutex>
#include <tuple>

// One thread allocates, another frees, ten million times: what is not collected here is seen as memory.

using namespace framealloc;
using namespace framealloc::test;

namespace {

template <class Sync>
using counted = basic_smart_alloc<Sync, backend::counting<detail::default_policies::backend>>;
using with_threads = std::tuple<sync::mutex<std::mutex>, sync::lock_free, sync::owner_queue>;

constexpr layout each{.bytes = 1024, .align = 16};
constexpr std::size_t batch = detail::magazine_capacity(each.bytes);
constexpr std::size_t kept = 1 + detail::reserve_depth(each.bytes);  // batches of a thread

/// A ring between one producer and one consumer.
class ring {
public:
    static constexpr std::size_t depth = 4096;

    void put(void* p) {
        std::size_t const at = put_.load(std::memory_order_relaxed);
        while (at - taken_.load(std::memory_order_acquire) == depth) std::this_thread::yield();
        items_[at % depth] = p;
        put_.store(at + 1, std::memory_order_release);
    }
    void* take() {
        std::size_t const at = taken_.load(std::memory_order_relaxed);
        while (put_.load(std::memory_order_acquire) == at) std::this_thread::yield();
        void* const p = items_[at % depth];
        taken_.store(at + 1, std::memory_order_release);
        return p;
    }

private:
    std::array<void*, depth> items_{};
    alignas(64) std::atomic<std::size_t> put_{0};
    alignas(64) std::atomic<std::size_t> taken_{0};
};

}  // namespace

BOOST_AUTO_TEST_SUITE(producer_consumer)

BOOST_AUTO_TEST_CASE_TEMPLATE(ten_million_blocks_pass_through_a_few_slabs, Sync, with_threads)
{
    constexpr std::size_t count = repetitions(10000000, 300000);
    counted<Sync> alloc;
    ring between;
    std::latch done{1}, slept{1};
    // The sleeper allocated what the consumer frees first, and holds a slab and its magazines all the while.
    constexpr std::size_t of_sleeper = 2000;
    std::vector<void*> left(of_sleeper);
    std::thread sleeper{[&] {
        for (void*& p : left) p = alloc.pool_alloc(each);
        slept.count_down();
        done.wait();
    }};
    slept.wait();
    std::size_t const resident = resident_bytes();
    std::atomic<std::size_t> highest{0};
    std::thread consumer{[&] {
        for (void* p : left) alloc.pool_free(p, each);
        for (std::size_t i = 0; i < count; ++i) alloc.pool_free(between.take(), each);
    }};
    for (std::size_t i = 0; i < count; ++i) {
        void* const p = alloc.pool_alloc(each);
        *static_cast<std::size_t*>(p) = i;
        between.put(p);
        if (i % 65536 == 0 && highest < alloc.stats().pool_bytes_reserved) highest = alloc.stats().pool_bytes_reserved;
    }
    consumer.join();
    if (highest < alloc.stats().pool_bytes_reserved) highest = alloc.stats().pool_bytes_reserved;

    // At most so many blocks are out of the slabs at a time: what the ring holds and the sleeper left, a magazine and a
    // reserve of each of three threads, and 16 batches in the depot. Each may pin a slab; in the order of a ring, neighbours in a
    // slab come back together, so that twice the bytes are a bound with room.
    constexpr std::size_t waiting = returns_to_owner<Sync> ? 3 * 32 : 0;  // batches in inboxes
    constexpr std::size_t out = ring::depth + of_sleeper + (3 * kept + 16 + waiting) * batch;
    // Retained slabs and those being carved come on top.
    constexpr std::size_t bound = 2 * out * each.bytes + (16 + 3) * 64_KiB;
    BOOST_TEST(highest <= bound);
    BOOST_TEST(alloc.stats().pool_blocks_live == 0u);
    if (!under_sanitizer) {
        BOOST_TEST(resident_bytes() <= resident + bound);
        BOOST_TEST(count * each.bytes > 100 * bound);  // as much as would be there if nothing came back
    }
    // A slab that is used up and comes back empty may cost a call or two; never one for each batch.
    BOOST_TEST(alloc.backend().counts().calls() < count / batch);
    BOOST_TEST(bool(alloc.verify()));
    done.count_down();
    sleeper.join();
    BOOST_TEST(bool(alloc.verify()));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_thread_that_is_suspended_holds_up_nobody, Sync, with_threads)
{
    // The owner of all blocks sleeps; four threads free and allocate beside it, and finish.
    counted<Sync> alloc;
    constexpr std::size_t count = repetitions(400000, 40000);
    std::vector<void*> blocks(count);
    std::latch allocated{1}, done{1};
    std::thread owner{[&] {
        for (void*& p : blocks) p = alloc.pool_alloc({.bytes = 64, .align = 16});
        allocated.count_down();
        done.wait();
    }};
    allocated.wait();
    std::size_t const before = alloc.stats().pool_bytes_reserved;
    on_threads(4, [&](std::size_t t) {
        for (std::size_t round = 0; round < 3; ++round) {
            for (std::size_t i = t; i < count; i += 4) alloc.pool_free(blocks[i], {.bytes = 64, .align = 16});
            for (std::size_t i = t; i < count; i += 4) blocks[i] = alloc.pool_alloc({.bytes = 64, .align = 16});
        }
    });
    BOOST_TEST(alloc.stats().pool_blocks_live == count);
    // As many are live as before. What is cached beside them: (2 x 5 + 16) x 126 blocks; and slabs being carved.
    BOOST_TEST(alloc.stats().pool_bytes_reserved <= before + before / 4 + (4 + 16) * 64_KiB);
    done.count_down();
    owner.join();
    for (void* p : blocks) alloc.pool_free(p, {.bytes = 64, .align = 16});
    BOOST_TEST(alloc.stats().pool_blocks_live == 0u);
    BOOST_TEST(bool(alloc.verify()));
}

BOOST_AUTO_TEST_SUITE_END()
