// SPDX-License-Identifier: MIT OR Apache-2.0
#include "support/test.hpp"

#include "support/process.hpp"

#include <framealloc/diagnostics/counters.hpp>
#include <framealloc/sync/mutex.hpp>
#include <framealloc/sync/owner_queue.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <barrier>
#include <latch>
#include <mutex>
#include <random>
#include <thread>
#include <utility>
#include <vector>

using namespace framealloc;

namespace {

constexpr std::size_t threads = 16;

/// What one thread holds, told by itself.
struct alignas(64) own_account {
    std::size_t pool_bytes = 0, heap_bytes = 0;
    std::size_t pool_peak = 0, heap_peak = 0;
    operation_counts done;
};

struct held {
    void* block;
    layout request;
    bool in_pool;
};

template <class Alloc>
std::size_t class_bytes(layout request) {
    using pool = typename Alloc::assembly_type::pool;
    return pool::class_bytes(pool::class_for(request));
}

/// Sixteen threads allocate and free at random, each from its own seed; now and then all stop, and what they hold together is
/// compared with what the instance says.
template <class Alloc>
void compare_with_a_stopped_world() {
    Alloc alloc;
    std::array<own_account, threads> accounts{};
    std::size_t pool_seen = 0, heap_seen = 0;  // the most that was held at a stop
    std::size_t stops_compared = 0;
    bool equal = true, above = true;
    auto const compare = [&]() noexcept {
        std::size_t pool_bytes = 0, heap_bytes = 0;
        operation_counts done;
        for (own_account const& a : accounts) {
            pool_bytes += a.pool_bytes;
            heap_bytes += a.heap_bytes;
            done += a.done;
        }
        pool_seen = pool_seen < pool_bytes ? pool_bytes : pool_seen;
        heap_seen = heap_seen < heap_bytes ? heap_bytes : heap_seen;
        alloc_stats const s = alloc.stats();
        equal = equal && s.pool_bytes_live == pool_bytes && s.heap_bytes_live == heap_bytes && s.operations == done;
        above = above && s.pool_bytes_out_peak >= pool_seen + s.pool_bytes_cached * (pool_seen == pool_bytes) &&
                s.heap_bytes_live_peak >= heap_seen;
        ++stops_compared;
    };
    std::size_t const stops = test::repetitions(60, 10);
    std::barrier world{static_cast<std::ptrdiff_t>(threads), compare};
    test::on_threads(threads, [&](std::size_t thread) {
        std::mt19937 random{static_cast<unsigned>(thread)};
        std::vector<held> mine;
        own_account& a = accounts[thread];
        for (std::size_t stop = 0; stop < stops; ++stop) {
            // A tide: more and more until the middle, then less.
            std::size_t const wanted = 40 + 4 * (stop < stops / 2 ? stop : stops - stop);
            for (int step = 0; step < 300; ++step) {
                if (mine.size() < random() % (2 * wanted)) {
                    bool const in_pool = random() % 4 != 0;
                    layout const request{.bytes = in_pool ? random() % 2000 + 1 : random() % 20'000 + 5000};
                    mine.push_back({in_pool ? alloc.pool_alloc(request) : alloc.heap_alloc(request), request, in_pool});
                    (in_pool ? a.pool_bytes : a.heap_bytes) += in_pool ? class_bytes<Alloc>(request) : request.bytes;
                    (in_pool ? a.done.pool_allocations : a.done.heap_allocations) += 1;
                    (in_pool ? a.done.pool_requested_bytes : a.done.heap_requested_bytes) += request.bytes;
                    a.pool_peak = a.pool_peak < a.pool_bytes ? a.pool_bytes : a.pool_peak;
                    a.heap_peak = a.heap_peak < a.heap_bytes ? a.heap_bytes : a.heap_peak;
                } else if (!mine.empty()) {
                    std::swap(mine[random() % mine.size()], mine.back());
                    held const h = mine.back();
                    mine.pop_back();
                    h.in_pool ? alloc.pool_free(h.block, h.request) : alloc.heap_free(h.block, h.request);
                    (h.in_pool ? a.pool_bytes : a.heap_bytes) -= h.in_pool ? class_bytes<Alloc>(h.request) : h.request.bytes;
                    (h.in_pool ? a.done.pool_frees : a.done.heap_frees) += 1;
                }
            }
            world.arrive_and_wait();
        }
        for (held const& h : mine) h.in_pool ? alloc.pool_free(h.block, h.request) : alloc.heap_free(h.block, h.request);
    });
    BOOST_TEST(stops_compared == stops);
    BOOST_TEST(equal);
    BOOST_TEST(above);

    std::size_t pool_peaks = 0, heap_peaks = 0;
    for (own_account const& a : accounts) {
        pool_peaks += a.pool_peak;
        heap_peaks += a.heap_peak;
    }
    alloc_stats const s = alloc.stats();
    BOOST_TEST(s.pool_bytes_live == 0u);
    BOOST_TEST(s.heap_bytes_live == 0u);
    BOOST_TEST(s.heap_bytes_live_peak <= heap_peaks);
    // What magazines, reserves and depots can hold of each class, for sixteen threads.
    std::size_t cached_at_most = 0;
    using pool = typename Alloc::assembly_type::pool;
    for (std::size_t c = 0; c < pool::class_count; ++c) {
        std::size_t const bytes = pool::class_bytes(c);
        std::size_t const batches = (1 + detail::reserve_depth(bytes)) * threads + detail::depot_depth;
        cached_at_most += batches * detail::magazine_capacity(bytes) * bytes;
    }
    BOOST_TEST(s.pool_bytes_out_peak <= pool_peaks + cached_at_most);
    BOOST_TEST(bool(alloc.verify()));
}

}  // namespace

BOOST_AUTO_TEST_SUITE(statistics_peaks)

BOOST_AUTO_TEST_CASE(peaks_are_never_below_what_a_stopped_world_holds_nor_above_what_the_threads_have_held)
{
    compare_with_a_stopped_world<basic_smart_alloc<diagnostics::counters>>();
}
BOOST_AUTO_TEST_CASE(nor_where_threads_meet_behind_a_mutex)
{
    compare_with_a_stopped_world<basic_smart_alloc<diagnostics::counters, sync::mutex<std::mutex>>>();
}

BOOST_AUTO_TEST_CASE(the_heaps_peak_is_exact)
{
    smart_alloc alloc;
    BOOST_TEST(alloc.stats().heap_bytes_live_peak == 0u);
    // All threads hold what they have at the same moment, and then none.
    std::latch all_hold{threads};
    test::on_threads(threads, [&](std::size_t thread) {
        std::vector<void*> blocks;
        for (std::size_t i = 0; i < 20; ++i) blocks.push_back(alloc.heap_alloc(layout{.bytes = 10'000 + thread}));
        all_hold.arrive_and_wait();
        for (void* const p : blocks) alloc.heap_free(p);
    });
    std::size_t const expected = 20 * (threads * 10'000 + threads * (threads - 1) / 2);
    BOOST_TEST(alloc.stats().heap_bytes_live == 0u);
    BOOST_TEST(alloc.stats().heap_bytes_live_peak == expected);
    // Less does not change it; more does.
    alloc.heap_free(alloc.heap_alloc(layout{.bytes = 1000}));
    BOOST_TEST(alloc.stats().heap_bytes_live_peak == expected);
    alloc.heap_free(alloc.heap_alloc(layout{.bytes = expected + 1}));
    BOOST_TEST(alloc.stats().heap_bytes_live_peak == expected + 1);
}

BOOST_AUTO_TEST_CASE(the_pools_peak_is_what_has_been_carved_and_does_not_fall)
{
    smart_alloc_single_threaded alloc;
    std::vector<void*> blocks;
    for (int i = 0; i < 10'000; ++i) blocks.push_back(alloc.pool_alloc(layout{.bytes = 64}));
    alloc_stats const full = alloc.stats();
    BOOST_TEST(full.pool_bytes_out_peak == full.pool_bytes_live + full.pool_bytes_cached);
    for (void* const p : blocks) alloc.pool_free(p);
    alloc.trim();
    BOOST_TEST(alloc.stats().pool_bytes_cached == 0u);
    BOOST_TEST(alloc.stats().pool_bytes_out_peak == full.pool_bytes_out_peak);
    // Another class counts to the same peak: it is of all classes at a time, and no sum of theirs.
    for (void*& p : blocks) p = alloc.pool_alloc(layout{.bytes = 32});
    BOOST_TEST(alloc.stats().pool_bytes_out_peak == full.pool_bytes_out_peak);
    for (void* const p : blocks) alloc.pool_free(p);
}

BOOST_AUTO_TEST_CASE(threads_that_have_ended_are_in_the_sums)
{
    smart_alloc elsewhere;
    BOOST_TEST(elsewhere.attach_thread());  // the reader has a number, which is none of the rows'
    basic_smart_alloc<diagnostics::counters> alloc;
    std::latch worked{8}, read{1};
    std::vector<std::thread> running;
    for (std::size_t thread = 0; thread < 8; ++thread) {
        running.emplace_back([&, thread] {
            alloc.begin_frame();
            for (std::size_t i = 0; i < 100 * (thread + 1); ++i) static_cast<void>(alloc.frame_alloc(layout{.bytes = 32}));
            alloc.end_frame();
            for (std::size_t i = 0; i < 50; ++i) alloc.pool_free(alloc.pool_alloc(layout{.bytes = thread + 1}), layout{.bytes = thread + 1});
            worked.arrive_and_wait();  // none takes over the record of another
            if (thread >= 4) read.wait();
        });
    }
    worked.wait();
    for (std::size_t thread = 0; thread < 4; ++thread) running[thread].join();
    alloc_stats const s = alloc.stats();
    BOOST_TEST(s.threads == 4u);
    BOOST_TEST(s.operations.frame_allocations == 100u * 36);
    BOOST_TEST(s.operations.frame_requested_bytes == 3200u * 36);
    BOOST_TEST(s.frame_bytes_total == 3200u * 36);
    BOOST_TEST(s.frames_begun == 8u);
    BOOST_TEST(s.operations.pool_allocations == 400u);
    BOOST_TEST(s.operations.pool_requested_bytes == 50u * 36);

    // The same, by thread.
    std::array<framealloc::thread_stats, 10> rows;
    BOOST_TEST_REQUIRE(alloc.thread_stats(rows) == 8u);
    operation_counts sum;
    std::size_t live = 0, total = 0;
    std::vector<unsigned long long> numbers;
    for (std::size_t i = 0; i < 8; ++i) {
        framealloc::thread_stats const& t = rows[i];
        sum += t.operations;
        total += t.frame_bytes_total;
        live += t.is_live();
        if (t.is_live()) numbers.push_back(t.number);
        BOOST_TEST(t.frames_begun == 1u);
        BOOST_TEST(t.frame_bytes_used == 0u);
        BOOST_TEST(t.frame_bytes_last == 32 * t.operations.frame_allocations);
        BOOST_TEST(t.frame_bytes_peak == t.frame_bytes_last);
    }
    BOOST_TEST((sum == s.operations));
    BOOST_TEST(total == s.frame_bytes_total);
    BOOST_TEST(live == 4u);
    std::sort(numbers.begin(), numbers.end());
    BOOST_TEST((std::adjacent_find(numbers.begin(), numbers.end()) == numbers.end()));
    // Where there is less room the rest is only counted.
    std::array<framealloc::thread_stats, 3> few;
    BOOST_TEST(alloc.thread_stats(few) == 8u);
    BOOST_TEST((few[2] == rows[2]));
    BOOST_TEST(alloc.thread_stats({}) == 8u);
    read.count_down();
    for (std::size_t thread = 4; thread < 8; ++thread) running[thread].join();
    BOOST_TEST((alloc.stats().operations == s.operations));
    BOOST_TEST(alloc.stats().threads == 0u);
}

BOOST_AUTO_TEST_CASE(statistics_may_be_read_while_threads_run)
{
    basic_smart_alloc<diagnostics::counters> alloc;
    std::atomic<bool> over{false};
    std::thread reader{[&] {
        std::array<framealloc::thread_stats, 16> rows;
        unsigned long long before = 0;
        bool grows = true;
        while (!over.load()) {
            alloc_stats const s = alloc.stats();
            grows = grows && s.operations.frame_allocations >= before;
            before = s.operations.frame_allocations;
            grows = grows && s.pool_bytes_out_peak <= alloc.stats().pool_bytes_out_peak;
            for (size_class_stats const& c : alloc.size_classes()) grows = grows && c.fragmentation() <= 1;
            grows = grows && alloc.thread_stats(rows) <= 16;
        }
        BOOST_TEST(grows);
    }};
    test::on_threads(4, [&](std::size_t thread) {
        for (std::size_t i = 0; i < test::repetitions(3000, 300); ++i) {
            alloc.begin_frame();
            {
                auto const p = alloc.phase("work");
                for (std::size_t n = 0; n < 20; ++n) static_cast<void>(alloc.frame_alloc(layout{.bytes = 64 * thread}));
            }
            std::array<void*, 30> blocks;
            for (void*& b : blocks) b = alloc.pool_alloc(layout{.bytes = 100});
            for (void* const b : blocks) alloc.pool_free(b, layout{.bytes = 100});
            alloc.end_frame();
            if (i % 100 == 0) alloc.trim();
        }
    });
    over.store(true);
    reader.join();
    BOOST_TEST(alloc.stats().pool_bytes_live == 0u);
}

BOOST_AUTO_TEST_CASE(one_thread_without_others_is_one_row)
{
    basic_smart_alloc<sync::single_threaded, diagnostics::counters> alloc;
    framealloc::thread_stats row;
    BOOST_TEST(alloc.thread_stats({&row, 1}) == 1u);
    BOOST_TEST(row.number == 1u);
    alloc.begin_frame();
    static_cast<void>(alloc.frame_alloc(layout{.bytes = 320}));
    BOOST_TEST(alloc.thread_stats({&row, 1}) == 1u);
    BOOST_TEST(row.frame_bytes_used == 320u);
    BOOST_TEST(row.operations.frame_allocations == 1u);
    alloc.end_frame();
}

BOOST_AUTO_TEST_CASE(verify_finds_a_count_that_is_not_what_the_blocks_say)
{
    smart_alloc alloc;
    auto const pooled = alloc.pool_box<double>(1.0);
    void* const block = alloc.heap_alloc(layout{.bytes = 1000});
    BOOST_TEST(bool(alloc.verify()));
    // A stray write below a block: how many bytes it has.
    detail::memory_is_ours(&detail::heap_prefix::of(block), sizeof(detail::heap_prefix));
    auto& bytes = detail::heap_prefix::of(block).bytes;
    bytes -= 16;
    verification const damaged = alloc.verify();
    BOOST_TEST(!damaged);
    BOOST_TEST(damaged.first.code == fault_code::internal);
    BOOST_TEST(damaged.first.numbers[1] == 984u);
    BOOST_TEST(damaged.first.numbers[2] == 1000u);
    bytes += 16;
    BOOST_TEST(bool(alloc.verify()));
    // And into a slab's head: how many blocks it has given out.
    auto& word = detail::slab<smart_alloc::assembly_type>::of(pooled.get())->word;
    std::uint64_t const before = word.load(detail::order::relaxed);
    word.store(before + detail::slab_word::one_carved, detail::order::relaxed);
    verification const drifted = alloc.verify();
    BOOST_TEST(!drifted);
    BOOST_TEST(drifted.first.numbers[1] == drifted.first.numbers[2] + 1);
    word.store(before, detail::order::relaxed);
    BOOST_TEST(bool(alloc.verify()));
    alloc.heap_free(block);
}

BOOST_AUTO_TEST_CASE(live_bytes_waste_and_efficiency_are_defined_also_where_there_is_nothing)
{
    alloc_stats const nothing;
    BOOST_TEST(nothing.live_bytes() == 0u);
    BOOST_TEST(nothing.waste_bytes() == 0u);
    BOOST_TEST(nothing.efficiency() == 0.0);
    alloc_stats const some{.frame_bytes_used = 100, .pool_bytes_live = 200, .heap_bytes_live = 300, .backend_bytes = 1000};
    BOOST_TEST(some.live_bytes() == 600u);
    BOOST_TEST(some.waste_bytes() == 400u);
    BOOST_TEST(some.efficiency() == 0.6);
    // While threads run, the sums may not belong to one moment.
    alloc_stats const torn{.heap_bytes_live = 300, .backend_bytes = 200};
    BOOST_TEST(torn.waste_bytes() == 0u);
}

BOOST_AUTO_TEST_SUITE_END()
