// SPDX-License-Identifier: MIT OR Apache-2.0
#include "support/test.hpp"

#include "support/faults.hpp"
#include "support/process.hpp"

#include <framealloc/backend/counting.hpp>
#include <framealloc/diagnostics/counters.hpp>
#include <framealloc/shared_alloc.hpp>
#include <framealloc/sync/mutex.hpp>

#include <atomic>
#include <barrier>
#include <cstring>
#include <memory>
#include <mutex>
#include <tuple>

using namespace framealloc;
using namespace framealloc::test;

namespace {

using counted_alloc = basic_smart_alloc<diagnostics::counters>;
template <class Sync>
using alloc_with = basic_smart_alloc<Sync, backend::counting<detail::default_policies::backend>>;
using every_sync = std::tuple<sync::single_threaded, sync::mutex<std::mutex>, sync::lock_free>;

/// Uses all three intents once and answers whether every byte was where it should be.
template <class Alloc>
bool use_all_intents(Alloc& alloc, unsigned char mark) {
    bool right = true;
    alloc.begin_frame();
    auto* const in_frame = static_cast<unsigned char*>(alloc.frame_alloc(layout{.bytes = 3000, .align = 64}));
    auto* const in_pool = static_cast<unsigned char*>(alloc.pool_alloc(layout{.bytes = 200, .align = 8}));
    auto* const in_heap = static_cast<unsigned char*>(alloc.heap_alloc(layout{.bytes = 20000, .align = 16}));
    std::memset(in_frame, mark, 3000);
    std::memset(in_pool, mark + 1, 200);
    std::memset(in_heap, mark + 2, 20000);
    right = right && in_frame[0] == mark && in_frame[2999] == mark;
    right = right && in_pool[0] == static_cast<unsigned char>(mark + 1) && in_pool[199] == in_pool[0];
    right = right && in_heap[0] == static_cast<unsigned char>(mark + 2) && in_heap[19999] == in_heap[0];
    alloc.heap_free(in_heap);
    alloc.pool_free(in_pool, layout{.bytes = 200, .align = 8});
    alloc.end_frame();
    return right;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(threads)

BOOST_AUTO_TEST_CASE_TEMPLATE(the_same_calls_mean_the_same_under_every_sync_policy, Sync, every_sync)
{
    alloc_with<Sync> alloc;
    for (int frame = 0; frame < 10; ++frame) BOOST_TEST(use_all_intents(alloc, static_cast<unsigned char>(frame)));
    {
        auto scope = alloc.frame_scope();
        auto const inner = scope.template frame_array<int>(100);
        BOOST_TEST(inner[99] == 0);
        BOOST_TEST(alloc.stats().frame_bytes_used == 400u);
        auto mark = alloc.checkpoint();
        static_cast<void>(alloc.frame_alloc(layout{.bytes = 1000, .align = 16}));
        BOOST_TEST(alloc.rollback(mark));
        BOOST_TEST(alloc.stats().frame_bytes_used == 400u);
    }
    alloc.begin_frame_all();
    BOOST_TEST(alloc.template frame_alloc<int>() != nullptr);
    alloc.end_frame_all();

    auto const at_rest = alloc.stats();
    BOOST_TEST(at_rest.frame_bytes_used == 0u);
    BOOST_TEST(at_rest.frames_begun == 12u);
    BOOST_TEST(at_rest.pool_blocks_live == 0u);
    BOOST_TEST(at_rest.heap_blocks_live == 0u);
    BOOST_TEST(at_rest.threads == 1u);
    BOOST_TEST(bool(alloc.verify()));

    std::size_t const calls = alloc.backend().counts().calls();
    for (int frame = 0; frame < 10; ++frame) BOOST_TEST(use_all_intents(alloc, static_cast<unsigned char>(frame)));
    BOOST_TEST(alloc.backend().counts().calls() == calls);  // steady state asks nobody
}

BOOST_AUTO_TEST_CASE(sixty_four_threads_need_no_registration)
{
    smart_alloc alloc;
    std::atomic<int> wrong{0};
    std::barrier together{64};
    on_threads(64, [&](std::size_t i) {
        together.arrive_and_wait();
        for (int frame = 0; frame < 20; ++frame) wrong += !use_all_intents(alloc, static_cast<unsigned char>(i));
    });
    BOOST_TEST(wrong == 0);
    auto const stats = alloc.stats();
    BOOST_TEST(stats.frames_begun == 64u * 20u);
    BOOST_TEST(stats.threads == 0u);
    BOOST_TEST(stats.pool_blocks_live == 0u);
    BOOST_TEST(bool(alloc.verify()));
}

BOOST_AUTO_TEST_CASE(a_thread_costs_what_it_uses_and_no_more)
{
    // Lazily: 64 threads that touch one pool block and one frame byte each hold one slab and one first chunk each.
    smart_alloc alloc;
    std::barrier together{64};
    on_threads(64, [&](std::size_t) {
        alloc.begin_frame();
        static_cast<void>(alloc.frame_alloc<char>());
        alloc.pool_free(alloc.pool_alloc(layout::of<long>()), layout::of<long>());
        together.arrive_and_wait();
        alloc.end_frame();
    });
    BOOST_TEST(alloc.stats().frame_bytes_reserved == 64 * 64_KiB);
    BOOST_TEST(alloc.stats().pool_bytes_reserved <= 65 * 64_KiB);
}

BOOST_AUTO_TEST_CASE(statistics_add_up_over_running_and_ended_threads)
{
    counted_alloc alloc;
    std::barrier all_allocated{9}, four_gone{5};
    std::vector<std::thread> threads;
    for (std::size_t i = 0; i < 8; ++i) {
        threads.emplace_back([&, i] {
            alloc.begin_frame();
            for (std::size_t n = 0; n < 100 + i; ++n) {
                static_cast<void>(alloc.frame_alloc(layout{.bytes = 32, .align = 16}));
                static_cast<void>(alloc.pool_alloc(layout{.bytes = 64, .align = 8}));
            }
            void* const kept = alloc.heap_alloc(layout{.bytes = 1000, .align = 16});
            if (i < 4) {
                alloc.heap_free(kept);
                alloc.end_frame();
            }
            all_allocated.arrive_and_wait();
            if (i >= 4) {
                four_gone.arrive_and_wait();  // the main thread looks
                four_gone.arrive_and_wait();
                alloc.end_frame();
            }
        });
    }
    all_allocated.arrive_and_wait();
    for (std::size_t i = 0; i < 4; ++i) threads[i].join();
    four_gone.arrive_and_wait();

    constexpr std::size_t pairs = 8 * 100 + 28;
    auto const stats = alloc.stats();
    BOOST_TEST(stats.operations.frame_allocations == pairs);
    BOOST_TEST(stats.operations.frame_requested_bytes == pairs * 32);
    BOOST_TEST(stats.operations.pool_allocations == pairs);
    BOOST_TEST(stats.operations.pool_requested_bytes == pairs * 64);
    BOOST_TEST(stats.operations.heap_allocations == 8u);
    BOOST_TEST(stats.operations.heap_frees == 4u);
    BOOST_TEST(stats.pool_blocks_live == pairs);
    BOOST_TEST(stats.heap_blocks_live == 4u);
    BOOST_TEST(stats.heap_bytes_live == 4000u);
    BOOST_TEST(stats.threads == 4u);
    BOOST_TEST(stats.frames_begun == 8u);
    BOOST_TEST(stats.frame_bytes_used == (4 * 100 + 4 + 5 + 6 + 7) * 32);
    BOOST_TEST(stats.frame_bytes_total == (4 * 100 + 0 + 1 + 2 + 3) * 32);

    four_gone.arrive_and_wait();
    for (std::size_t i = 4; i < 8; ++i) threads[i].join();
    BOOST_TEST(alloc.stats().frame_bytes_used == 0u);
    BOOST_TEST(alloc.stats().frame_bytes_total == pairs * 32);
    BOOST_TEST(alloc.stats().operations.frame_allocations == pairs);
    BOOST_TEST(alloc.stats().threads == 0u);
}

BOOST_AUTO_TEST_CASE(statistics_may_be_read_while_threads_run)
{
    counted_alloc alloc;
    std::atomic<int> running{4};
    constexpr std::size_t rounds = 2000;
    std::thread reader{[&] {
        unsigned long long before = 0;
        while (running.load() != 0) {
            auto const now = alloc.stats();
            if (now.operations.pool_allocations < before) running.store(-1000);  // a count never falls
            before = now.operations.pool_allocations;
        }
    }};
    on_threads(4, [&](std::size_t i) {
        for (std::size_t n = 0; n < rounds; ++n) use_all_intents(alloc, static_cast<unsigned char>(i));
        --running;
    });
    reader.join();
    BOOST_TEST(running.load() == 0);
    BOOST_TEST(alloc.stats().operations.pool_allocations == 4 * rounds);
    BOOST_TEST(alloc.stats().operations.pool_frees == 4 * rounds);
}

BOOST_AUTO_TEST_CASE(a_shared_allocator_lives_until_its_last_holder_lets_go)
{
    int ended = 0;
    struct notes_end {
        int* ended;
        ~notes_end() { ++*ended; }
    };
    std::atomic<int> wrong{0};
    std::barrier holding{9};
    {
        std::vector<std::thread> threads;
        {
            auto creator = shared_alloc<smart_alloc>::create();
            creator->begin_frame();
            creator->frame_new<notes_end>(&ended);  // an instance that ends destroys what its frames still hold
            for (unsigned char i = 0; i < 8; ++i) {
                threads.emplace_back([&wrong, &holding, handle = creator, i] {
                    shared_alloc<smart_alloc> const mine = handle;
                    holding.arrive_and_wait();  // from here on, the creator's handle may be gone
                    for (int n = 0; n < 200; ++n) wrong += !use_all_intents(*mine, i);
                });
            }
            holding.arrive_and_wait();
            auto const moved = std::move(creator);
            BOOST_TEST(!creator);
            BOOST_TEST(bool(moved));
        }
        for (std::thread& t : threads) t.join();
    }
    BOOST_TEST(wrong == 0);
    BOOST_TEST(ended == 1);
}

BOOST_AUTO_TEST_CASE(an_attached_and_warm_thread_starts_without_the_backend)
{
    alloc_with<sync::lock_free> alloc;
    on_a_thread([&] {
        BOOST_TEST(alloc.attach_thread({.frame_bytes = 16_KiB}));
        BOOST_TEST(alloc.stats().threads == 1u);
        BOOST_TEST(alloc.stats().frame_bytes_reserved == 64_KiB);
        BOOST_TEST(alloc.stats().frame_bytes_used == 0u);
        std::size_t const calls = alloc.backend().counts().calls();
        alloc.begin_frame();
        static_cast<void>(alloc.frame_alloc(layout{.bytes = 16_KiB, .align = 16}));
        alloc.end_frame();
        BOOST_TEST(alloc.backend().counts().calls() == calls);
        // More than the first chunk holds is cut, and doing it again changes nothing.
        BOOST_TEST(alloc.attach_thread({.frame_bytes = 1_GiB}));
        BOOST_TEST(alloc.attach_thread());
        BOOST_TEST(alloc.backend().counts().calls() == calls);
    });
}

BOOST_AUTO_TEST_CASE(a_checkpoint_of_another_thread_is_refused_and_moves_nothing)
{
    fault_recorder faults;
    smart_alloc alloc;
    alloc.begin_frame();
    int* const mine = alloc.frame_new<int>(111);
    auto mark = alloc.checkpoint();
    int* const after = alloc.frame_new<int>(222);
    on_a_thread([&] {
        alloc.begin_frame();
        int* const theirs = alloc.frame_new<int>(333);
        BOOST_TEST(!alloc.rollback(mark));
        BOOST_TEST(faults.last() == fault_code::frame_of_another_thread);
        BOOST_TEST(*theirs == 333);
        BOOST_TEST(alloc.frame_new<int>(444) != theirs);
        alloc.end_frame();
    });
    BOOST_TEST(*mine == 111);
    BOOST_TEST(*after == 222);
    BOOST_TEST(alloc.frame_new<int>(5) > after);
    BOOST_TEST(alloc.rollback(mark));  // still good where it belongs
    BOOST_TEST(faults.count() == 1u);
    alloc.end_frame();
}

BOOST_AUTO_TEST_CASE(a_scope_left_on_another_thread_is_reported_and_rewinds_nobody)
{
    fault_recorder faults;
    smart_alloc alloc;
    using scope_type = decltype(alloc.frame_scope());
    alignas(scope_type) unsigned char storage[sizeof(scope_type)];  // outlives the frame, whatever the mistake

    alloc.begin_frame();
    auto* const scope = ::new (static_cast<void*>(storage)) scope_type(alloc.shared());
    int* const mine = scope->frame_new<int>(111);
    on_a_thread([&] {
        alloc.begin_frame();
        int* const theirs = alloc.frame_new<int>(333);
        scope->~scope_type();
        BOOST_TEST(faults.last() == fault_code::frame_of_another_thread);
        BOOST_TEST(*theirs == 333);
        BOOST_TEST(alloc.frame_new<int>(444) > theirs);
        alloc.end_frame();
    });
    BOOST_TEST(faults.count() == 1u);
    BOOST_TEST(*mine == 111);
    BOOST_TEST(alloc.frame_new<int>(222) > mine);
}

BOOST_AUTO_TEST_SUITE_END()
