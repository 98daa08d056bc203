// SPDX-License-Identifier: MIT OR Apache-2.0
#include "support/test.hpp"

#include "support/fake_clock.hpp"

#include <framealloc/diagnostics/counters.hpp>
#include <framealloc/performance_metrics.hpp>

#include <algorithm>
#include <random>
#include <vector>

using namespace framealloc;

namespace {

using sample = performance_metrics::sample;

/// Frames one after the other, without a pause: each takes the time that is said, from when the last one ended.
class frame_row {
public:
    framealloc::frame_stats operator()(unsigned long long nanoseconds, operation_counts const& operations = {},
                                       std::size_t used = 0, std::size_t reserved = 0) {
        now_ += nanoseconds;
        return {.number = ++number_, .bytes_used = used, .bytes_reserved = reserved, .nanoseconds = nanoseconds,
                .ended_at_nanoseconds = now_, .operations = operations};
    }

private:
    unsigned long long number_ = 0;
    unsigned long long now_ = 7'000'000'000;
};

}  // namespace

BOOST_AUTO_TEST_SUITE(performance)

BOOST_AUTO_TEST_CASE(without_a_frame_a_report_is_all_zero)
{
    std::vector<sample> room(10);
    performance_metrics metrics{room};
    BOOST_TEST((metrics.report() == performance_report{}));
    metrics.record({});  // the number 0 is no frame
    BOOST_TEST((metrics.report() == performance_report{}));
    performance_metrics roomless{{}};
    roomless.record(frame_row{}(1000));
    BOOST_TEST((roomless.report() == performance_report{}));
    performance_metrics none{room, {.frames = 0}};
    none.record(frame_row{}(1000));
    BOOST_TEST((none.report() == performance_report{}));
}

BOOST_AUTO_TEST_CASE(the_figures_are_those_that_one_reckons_by_hand)
{
    std::vector<sample> room(100);
    performance_metrics metrics{room};
    frame_row frame;
    metrics.record(frame(10'000'000, {.frame_allocations = 7, .frame_requested_bytes = 600, .pool_allocations = 2, .pool_requested_bytes = 100}, 640, 1000));
    metrics.record(frame(30'000'000, {.frame_allocations = 5, .frame_requested_bytes = 900, .heap_allocations = 1, .heap_requested_bytes = 2000}, 960, 1000));
    metrics.record(frame(20'000'000, {.frame_allocations = 4, .frame_requested_bytes = 300, .pool_allocations = 1, .pool_requested_bytes = 50}, 320, 3000));
    performance_report const r = metrics.report();
    BOOST_TEST(r.frames == 3u);
    BOOST_TEST(r.span_nanoseconds == 60'000'000u);
    BOOST_TEST(r.average_nanoseconds == 20e6);
    BOOST_TEST(r.p50_nanoseconds == 20'000'000u);
    BOOST_TEST(r.p99_nanoseconds == 30'000'000u);
    BOOST_TEST(r.max_nanoseconds == 30'000'000u);
    BOOST_TEST(r.average_allocations == 20.0 / 3);
    BOOST_TEST(r.average_bytes_requested == 3950.0 / 3);
    BOOST_TEST(r.average_bytes_used == 640.0);
    BOOST_TEST(r.bytes_used_peak == 960u);
    BOOST_TEST(r.efficiency == 1800.0 / 5000);
    BOOST_TEST(r.shares.frame == 16.0 / 20);
    BOOST_TEST(r.shares.pool == 3.0 / 20);
    BOOST_TEST(r.shares.heap == 1.0 / 20);
}

BOOST_AUTO_TEST_CASE(at_every_frame_rate_the_window_spans_sixty_seconds)
{
    for (unsigned long long const rate : {30u, 60u, 144u}) {
        BOOST_TEST_CONTEXT(rate << " frames a second") {
            std::vector<sample> room(144 * 60 + 1);
            performance_metrics metrics{room};
            frame_row frame;
            unsigned long long const period = 1'000'000'000 / rate;
            for (unsigned long long i = 0; i < rate * 150; ++i) metrics.record(frame(period));
            performance_report const r = metrics.report();
            BOOST_TEST(r.span_nanoseconds + period > 60'000'000'000);
            BOOST_TEST(r.span_nanoseconds < 60'000'000'000 + period);
            BOOST_TEST(r.frames >= rate * 60);
            BOOST_TEST(r.frames <= rate * 60 + 1);
            BOOST_TEST(r.p99_nanoseconds == period);
        }
    }
}

BOOST_AUTO_TEST_CASE(frames_leave_the_window_by_the_time_at_which_they_ended)
{
    std::vector<sample> room(100);
    performance_metrics metrics{room, {.nanoseconds = 1000}};
    frame_row frame;
    for (int i = 0; i < 10; ++i) metrics.record(frame(100));
    BOOST_TEST(metrics.report().frames == 10u);
    metrics.record(frame(100));
    BOOST_TEST(metrics.report().frames == 10u);
    metrics.record(frame(750));  // three ended in the 250 ns before
    BOOST_TEST(metrics.report().frames == 4u);
    BOOST_TEST(metrics.report().span_nanoseconds == 1050u);
    BOOST_TEST(metrics.report().max_nanoseconds == 750u);
    metrics.record(frame(5000));  // longer than the window: it alone
    BOOST_TEST(metrics.report().frames == 1u);
    BOOST_TEST(metrics.report().span_nanoseconds == 5000u);
}

BOOST_AUTO_TEST_CASE(a_window_by_count_has_the_newest_frames)
{
    std::vector<sample> room(100);
    performance_metrics metrics{room, {.frames = 5}};
    frame_row frame;
    for (unsigned i = 1; i <= 40; ++i) metrics.record(frame(i));
    performance_report const r = metrics.report();
    BOOST_TEST(r.frames == 5u);
    BOOST_TEST(r.average_nanoseconds == 38.0);
    BOOST_TEST(r.max_nanoseconds == 40u);
    BOOST_TEST(r.span_nanoseconds == 36u + 37 + 38 + 39 + 40);
}

BOOST_AUTO_TEST_CASE(room_that_is_smaller_than_the_window_has_the_newest_frames_and_the_span_says_so)
{
    std::vector<sample> room(7);
    performance_metrics metrics{room};
    frame_row frame;
    for (unsigned i = 1; i <= 100; ++i) metrics.record(frame(1000 + i));
    performance_report const r = metrics.report();
    BOOST_TEST(r.frames == 7u);
    BOOST_TEST(r.average_nanoseconds == 1097.0);
    BOOST_TEST(r.span_nanoseconds == 7u * 1097);
}

BOOST_AUTO_TEST_CASE(percentiles_are_those_of_nearest_rank)
{
    std::mt19937_64 random{4};
    for (std::size_t const n : {1u, 2u, 3u, 99u, 100u, 101u, 199u, 200u, 1000u, 5000u}) {
        std::vector<sample> room(n);
        performance_metrics metrics{room, {.nanoseconds = ~0ull}};
        frame_row frame;
        std::vector<unsigned long long> times;
        for (std::size_t i = 0; i < n; ++i) {
            // Of all magnitudes, so that every byte of a time decides somewhere, and equal ones among them.
            times.push_back(i % 5 == 0 ? 16'666'667 : random() >> (10 + random() % 54));
            metrics.record(frame(times.back()));
        }
        std::sort(times.begin(), times.end());
        performance_report const r = metrics.report();
        auto const rank = [&](unsigned percent) { return times[(n * percent + 99) / 100 - 1]; };
        BOOST_TEST(r.p50_nanoseconds == rank(50));
        BOOST_TEST(r.p99_nanoseconds == rank(99));
        BOOST_TEST(r.max_nanoseconds == times.back());
    }
}

BOOST_AUTO_TEST_CASE(an_allocators_frames_are_recorded_without_another_allocation)
{
    using clock = test::fake_clock;
    basic_smart_alloc<diagnostics::basic_counters<clock>> alloc;
    auto const room = alloc.heap_array<sample>(60);
    performance_metrics metrics{room};
    auto const play = [&] {
        alloc.begin_frame();
        for (int i = 0; i < 9; ++i) static_cast<void>(alloc.frame_alloc(layout{.bytes = 160}));
        alloc.pool_delete(alloc.pool_new<int>(1));
        clock::pass(16'000'000);
        metrics.record(alloc.end_frame().frame);
    };
    play();
    auto const calls = alloc.stats().backend_calls;
    auto const heap_calls = alloc.stats().operations.heap_allocations;
    for (int i = 0; i < 100; ++i) play();
    performance_report const r = metrics.report();
    BOOST_TEST(alloc.stats().backend_calls == calls);
    BOOST_TEST(alloc.stats().operations.heap_allocations == heap_calls);
    BOOST_TEST(r.frames == 60u);
    BOOST_TEST(r.p50_nanoseconds == 16'000'000u);
    BOOST_TEST(r.average_allocations == 10.0);
    BOOST_TEST(r.average_bytes_used == 1440.0);
    BOOST_TEST(r.shares.frame == 0.9);
    BOOST_TEST(r.efficiency == 1440.0 / double(alloc.frame_stats().bytes_reserved));
    alloc.heap_delete(room);
}

BOOST_AUTO_TEST_SUITE_END()
