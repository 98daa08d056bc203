// SPDX-License-Identifier: MIT OR Apache-2.0
#include "support/test.hpp"

#include "support/fake_clock.hpp"
#include "support/failing.hpp"
#include "support/faults.hpp"
#include "support/process.hpp"

#include <framealloc/arena/fixed.hpp>
#include <framealloc/arena/in_flight.hpp>
#include <framealloc/backend/faulting.hpp>
#include <framealloc/budget/global.hpp>
#include <framealloc/diagnostics/counters.hpp>

#include <array>
#include <atomic>
#include <barrier>
#include <limits>
#include <thread>
#include <type_traits>
#include <vector>

using namespace framealloc;

namespace {

using test::fake_clock;
template <class... More>
using timed_alloc = basic_smart_alloc<diagnostics::basic_counters<fake_clock>, More...>;

struct with_destructor {
    int value = 0;
    ~with_destructor() { value = -1; }
};

/// A program's own policy, with what the concept asks for and no more: no clock.
struct own_diagnostics {
    using family = diagnostics_family;
    static constexpr bool counts_operations = true;
    static constexpr bool checks_blocks = false;
    static constexpr bool fills_released = false;
    static constexpr bool stops_on_misuse = false;
    struct thread_part {
        operation_counts seen;
        void on_frame_allocate(std::size_t n) noexcept { ++seen.frame_allocations, seen.frame_requested_bytes += n; }
        void on_pool_allocate(std::size_t n) noexcept { ++seen.pool_allocations, seen.pool_requested_bytes += n; }
        void on_pool_free() noexcept { ++seen.pool_frees; }
        void on_heap_allocate(std::size_t n) noexcept { ++seen.heap_allocations, seen.heap_requested_bytes += n; }
        void on_heap_free() noexcept { ++seen.heap_frees; }
        [[nodiscard]] operation_counts counts() const noexcept { return seen; }
    };
};

/// One frame with a request of `bytes`.
template <class Alloc>
void play(Alloc& alloc, std::size_t bytes) {
    alloc.begin_frame();
    static_cast<void>(alloc.frame_alloc(layout{.bytes = bytes}));
    alloc.end_frame();
}

}  // namespace

BOOST_AUTO_TEST_SUITE(frame_statistics)

BOOST_AUTO_TEST_CASE(a_frame_of_known_amounts_is_told_exactly)
{
    timed_alloc<> alloc;
    alloc.begin_frame();
    fake_clock::pass(5'000'000);
    for (int i = 0; i < 10; ++i) static_cast<void>(alloc.frame_alloc(layout{.bytes = 100}));
    for (int i = 0; i < 3; ++i) alloc.frame_new<with_destructor>();
    static_cast<void>(alloc.frame_array<with_destructor>(4));
    void* const pooled = alloc.pool_alloc(layout{.bytes = 40});
    alloc.pool_free(alloc.pool_alloc(layout{.bytes = 60}), layout{.bytes = 60});
    void* const large = alloc.heap_alloc(layout{.bytes = 5000});
    alloc.heap_free(alloc.heap_alloc(layout{.bytes = 7000}));
    fake_clock::pass(11'600'000);
    std::size_t const used = alloc.stats().frame_bytes_used;
    std::size_t const reserved = alloc.stats().frame_bytes_reserved;
    alloc.end_frame();

    framealloc::frame_stats const f = alloc.frame_stats();
    BOOST_TEST(f.number == 1u);
    BOOST_TEST(f.bytes_used == used);
    BOOST_TEST(used >= 10u * 112 + 7 * sizeof(with_destructor));
    BOOST_TEST(f.bytes_reserved == reserved);
    BOOST_TEST(f.bytes_wasted == 0u);
    BOOST_TEST(f.nanoseconds == 16'600'000u);
    BOOST_TEST(f.ended_at_nanoseconds == fake_clock::nanoseconds());
    BOOST_TEST(f.objects_destroyed == 7u);
    BOOST_TEST(f.refused.total() == 0u);
    BOOST_TEST(f.operations.frame_allocations == 14u);
    BOOST_TEST(f.operations.pool_allocations == 2u);
    BOOST_TEST(f.operations.pool_frees == 1u);
    BOOST_TEST(f.operations.pool_requested_bytes == 100u);
    BOOST_TEST(f.operations.heap_allocations == 2u);
    BOOST_TEST(f.operations.heap_frees == 1u);
    BOOST_TEST(f.operations.heap_requested_bytes == 12'000u);
    BOOST_TEST(f.efficiency() == double(f.operations.frame_requested_bytes) / double(reserved));
    alloc.pool_free(pooled);
    alloc.heap_free(large);
}

BOOST_AUTO_TEST_CASE(before_the_first_frame_and_inside_it_there_is_no_finished_one)
{
    auto const is_empty = [](auto& alloc) {
        framealloc::frame_stats one;
        BOOST_TEST((alloc.frame_stats() == framealloc::frame_stats{}));
        BOOST_TEST(alloc.frame_history({&one, 1}) == 0u);
        BOOST_TEST(alloc.phases().empty());
    };
    timed_alloc<> counted;
    smart_alloc plain;
    is_empty(counted);
    is_empty(plain);
    counted.begin_frame();
    plain.begin_frame();
    is_empty(counted);
    is_empty(plain);
    BOOST_TEST(framealloc::frame_stats{}.efficiency() == 0.0);
    counted.end_frame();
    plain.end_frame();
}

BOOST_AUTO_TEST_CASE(the_figures_of_all_frames_add_up_to_those_of_the_thread)
{
    // What is done between two frames belongs to the later one, so that nothing falls between.
    timed_alloc<> alloc;
    operation_counts sum;
    std::size_t bytes = 0;
    std::vector<void*> blocks;
    for (std::size_t i = 0; i < 200; ++i) {
        for (std::size_t n = 0; n < i % 7; ++n) blocks.push_back(alloc.pool_alloc(layout{.bytes = 16 + i}));
        alloc.begin_frame();
        for (std::size_t n = 0; n < i % 5; ++n) static_cast<void>(alloc.frame_alloc(layout{.bytes = n * 100}));
        if (i % 3 == 0 && !blocks.empty()) {
            alloc.pool_free(blocks.back());
            blocks.pop_back();
        }
        if (i % 10 == 0) alloc.heap_free(alloc.heap_alloc(layout{.bytes = 10'000}));
        alloc.end_frame();
        sum += alloc.frame_stats().operations;
        bytes += alloc.frame_stats().bytes_used;
        BOOST_TEST_REQUIRE((sum == alloc.stats().operations));
        BOOST_TEST_REQUIRE(bytes == alloc.stats().frame_bytes_total);
    }
    BOOST_TEST(sum.pool_allocations > 500u);
    BOOST_TEST(sum.heap_frees == 20u);
    for (void* const p : blocks) alloc.pool_free(p);
}

BOOST_AUTO_TEST_CASE(the_history_is_the_newest_frames_first_and_takes_no_memory)
{
    timed_alloc<> alloc;
    std::array<framealloc::frame_stats, 100> history;
    play(alloc, 16);
    std::size_t const calls = alloc.stats().backend_calls;
    for (std::size_t frame = 2; frame <= 150; ++frame) {
        fake_clock::pass(1000);
        play(alloc, 16 * frame);
        std::size_t const kept = frame < 64 ? frame : 64;
        BOOST_TEST_REQUIRE(alloc.frame_history(history) == kept);
        for (std::size_t i = 0; i < kept; ++i) {
            BOOST_TEST_REQUIRE(history[i].number == frame - i);
            BOOST_TEST_REQUIRE(history[i].bytes_used == 16 * (frame - i));
            BOOST_TEST_REQUIRE(history[i].ended_at_nanoseconds == fake_clock::nanoseconds() - 1000 * i);
        }
        BOOST_TEST_REQUIRE((alloc.frame_stats() == history[0]));
    }
    BOOST_TEST(alloc.frame_history(std::span{history}.first(3)) == 3u);
    BOOST_TEST(alloc.frame_history({}) == 0u);
    BOOST_TEST(alloc.stats().backend_calls == calls);
}

BOOST_AUTO_TEST_CASE(each_refusal_is_counted_under_what_stood_in_the_way)
{
    test::fault_recorder const faults;
    using refusing = timed_alloc<arena::fixed<65536>, budget::global, backend::faulting<backend::system>>;
    refusing alloc{budget::global{std::size_t{4} << 20}};
    std::size_t const impossible = std::numeric_limits<std::size_t>::max();

    BOOST_TEST(alloc.try_frame_alloc(layout{.bytes = 16}) == nullptr);  // before the frame, and counted to it
    alloc.begin_frame();
    for (int i = 0; i < 2; ++i) BOOST_TEST(alloc.try_frame_alloc(layout{.bytes = 100'000}) == nullptr);
    for (int i = 0; i < 3; ++i) BOOST_TEST(alloc.try_heap_alloc(layout{.bytes = 5'000'000}) == nullptr);
    BOOST_TEST(alloc.try_frame_alloc(layout{.bytes = impossible}) == nullptr);
    BOOST_TEST(alloc.try_pool_alloc(layout{.bytes = 8, .align = 3}) == nullptr);
    BOOST_TEST(alloc.try_heap_alloc(layout{.bytes = 8, .align = 3}) == nullptr);
    alloc.backend().fail(backend::backend_operation::allocate, backend::fault_plan::from(1));
    BOOST_TEST(alloc.try_heap_alloc(layout{.bytes = 1'000'000}) == nullptr);
    BOOST_TEST(alloc.try_pool_alloc(layout{.bytes = 8}) == nullptr);
    BOOST_TEST(test::how_it_fails([&] { static_cast<void>(alloc.pool_alloc(layout{.bytes = 8})); }).failed);
    BOOST_TEST(test::how_it_fails([&] { static_cast<void>(alloc.frame_alloc(layout{.bytes = 100'000})); }).failed);
    alloc.backend().fail(backend::backend_operation::allocate, backend::fault_plan::never());
    alloc.end_frame();

    refusal_counts const refused = alloc.frame_stats().refused;
    BOOST_TEST(refused.frame_not_open == 1u);
    // Without exceptions what fails does so in a process of its own.
    BOOST_TEST(refused.arena_exhausted == (FRAMEALLOC_EXCEPTIONS ? 3u : 2u));
    BOOST_TEST(refused.over_budget == 3u);
    BOOST_TEST(refused.impossible == 3u);
    BOOST_TEST(refused.out_of_memory == (FRAMEALLOC_EXCEPTIONS ? 3u : 2u));
    BOOST_TEST(refused.total() == (FRAMEALLOC_EXCEPTIONS ? 13u : 11u));

    play(alloc, 16);
    BOOST_TEST(alloc.frame_stats().refused.total() == 0u);
}

BOOST_AUTO_TEST_CASE(what_is_rolled_back_is_not_used_at_the_end_and_was_destroyed)
{
    timed_alloc<> alloc;
    alloc.begin_frame();
    static_cast<void>(alloc.frame_alloc(layout{.bytes = 160}));
    auto const mark = alloc.checkpoint();
    static_cast<void>(alloc.frame_array<with_destructor>(50));
    alloc.rollback(mark);
    {
        auto scope = alloc.frame_scope();
        scope.frame_new<with_destructor>();
    }
    alloc.end_frame();
    BOOST_TEST(alloc.frame_stats().bytes_used == 160u);
    BOOST_TEST(alloc.frame_stats().objects_destroyed == 51u);
    BOOST_TEST(alloc.frame_stats().operations.frame_allocations == 4u);  // the mark is one
}

BOOST_AUTO_TEST_CASE(where_operations_are_counted_the_end_of_a_frame_answers_a_summary)
{
    timed_alloc<> alloc;
    static_assert(std::is_same_v<decltype(alloc.end_frame()), frame_summary>);
    alloc.begin_frame();
    static_cast<void>(alloc.frame_array<with_destructor>(3));
    { auto const p = alloc.phase("physics"); static_cast<void>(alloc.frame_alloc(layout{.bytes = 320})); }
    fake_clock::pass(70);
    frame_summary const summary = alloc.end_frame();
    BOOST_TEST((summary.frame == alloc.frame_stats()));
    BOOST_TEST(summary.frame.number == 1u);
    BOOST_TEST(summary.frame.nanoseconds == 70u);
    BOOST_TEST(summary.frame.objects_destroyed == 3u);
    BOOST_TEST(summary.bytes_discarded == summary.frame.bytes_used);
    BOOST_TEST(summary.bytes_discarded >= 320u + 3 * sizeof(with_destructor));
    BOOST_TEST_REQUIRE(summary.phases.size() == 1u);
    BOOST_TEST(summary.phases[0].total.frame_bytes == 320);
    BOOST_TEST((summary.phases.data() == alloc.phases().data()));

    test::fault_recorder const faults;
    frame_summary const none = alloc.end_frame();  // there is no frame to end
    BOOST_TEST(faults.last() == fault_code::frame_not_begun);
    BOOST_TEST((none.frame == framealloc::frame_stats{}));
    BOOST_TEST(none.phases.empty());
    BOOST_TEST(alloc.frame_stats().number == 1u);
}

BOOST_AUTO_TEST_CASE(where_frames_stay_in_flight_the_oldest_is_what_is_discarded)
{
    timed_alloc<arena::in_flight<3, arena::chunked<>>> alloc;
    for (std::size_t frame = 1; frame <= 20; ++frame) {
        alloc.begin_frame();
        static_cast<void>(alloc.frame_alloc(layout{.bytes = 1600 * frame}));
        alloc.frame_new<with_destructor>();
        frame_summary const summary = alloc.end_frame();
        std::size_t const more = summary.frame.bytes_used - 1600 * frame;
        BOOST_TEST(more < 100u);
        BOOST_TEST(summary.bytes_discarded == (frame < 3 ? 0 : 1600 * (frame - 2) + more));
        BOOST_TEST(summary.frame.objects_destroyed == (frame < 3 ? 0u : 1u));
    }
}

BOOST_AUTO_TEST_CASE(frames_that_end_otherwise_are_written_down_as_well)
{
    timed_alloc<> alloc;
    {
        auto scope = alloc.frame_scope();
        static_cast<void>(scope.frame_alloc(layout{.bytes = 160}));
    }
    BOOST_TEST(alloc.frame_stats().number == 1u);
    BOOST_TEST(alloc.frame_stats().bytes_used == 160u);
    alloc.begin_frame_all();
    fake_clock::pass(5);  // the thread joins later
    static_cast<void>(alloc.frame_alloc(layout{.bytes = 320}));
    fake_clock::pass(3);
    alloc.end_frame_all();
    BOOST_TEST(alloc.frame_stats().number == 2u);
    BOOST_TEST(alloc.frame_stats().bytes_used == 320u);
    BOOST_TEST(alloc.frame_stats().nanoseconds == 3u);
}

BOOST_AUTO_TEST_CASE(the_frame_of_all_is_written_down_for_each_thread_that_joined)
{
    timed_alloc<> alloc;
    constexpr std::size_t threads = 4, frames = 20;
    std::barrier sync{threads + 1};
    std::atomic<std::size_t> right{0};
    std::thread engine{[&] {
        for (std::size_t frame = 1; frame <= frames; ++frame) {
            alloc.begin_frame_all();
            sync.arrive_and_wait();  // the workers work
            sync.arrive_and_wait();
            alloc.end_frame_all();
            sync.arrive_and_wait();  // the workers look
            sync.arrive_and_wait();
        }
    }};
    test::on_threads(threads, [&](std::size_t thread) {
        for (std::size_t frame = 1; frame <= frames; ++frame) {
            sync.arrive_and_wait();
            {
                auto const p = alloc.phase("work");
                static_cast<void>(alloc.frame_alloc(layout{.bytes = 16 * (thread + frame)}));
            }
            sync.arrive_and_wait();
            sync.arrive_and_wait();
            framealloc::frame_stats const f = alloc.frame_stats();
            right += f.number == frame && f.bytes_used == 16 * (thread + frame) && alloc.phases().size() == 1 &&
                     alloc.phases()[0].total.operations.frame_requested_bytes == f.bytes_used;
            sync.arrive_and_wait();
        }
    });
    engine.join();
    BOOST_TEST(right.load() == threads * frames);
}

BOOST_AUTO_TEST_CASE(each_thread_has_its_own_frames_and_a_new_one_does_not_inherit_any)
{
    timed_alloc<> alloc;
    play(alloc, 16);
    for (unsigned thread = 0; thread < 3; ++thread) {
        test::on_a_thread([&] {
            // From the second on, the record of the thread before.
            BOOST_TEST((alloc.frame_stats() == framealloc::frame_stats{}));
            static_cast<void>(alloc.pool_box<int>(1));
            BOOST_TEST((alloc.frame_stats() == framealloc::frame_stats{}));
            BOOST_TEST(alloc.phases().empty());
            { auto const p = alloc.phase("first"); }
            play(alloc, 3200);
            play(alloc, 4800);
            std::array<framealloc::frame_stats, 4> history;
            BOOST_TEST_REQUIRE(alloc.frame_history(history) == 2u);
            BOOST_TEST(history[0].bytes_used == 4800u);
            BOOST_TEST(history[1].bytes_used == 3200u);
            BOOST_TEST(history[1].operations.pool_allocations == 1u);  // and not those of the thread before
            static_cast<void>(alloc.pool_box<int>(1));  // after its last frame: nobody's
        });
    }
    BOOST_TEST(alloc.frame_stats().bytes_used == 16u);
    BOOST_TEST(alloc.frame_stats().number == 1u);
}

BOOST_AUTO_TEST_CASE(without_counters_the_last_frames_number_and_bytes_are_known_and_ending_one_answers_nothing)
{
    smart_alloc alloc;
    static_assert(std::is_void_v<decltype(alloc.end_frame())>);
    std::array<framealloc::frame_stats, 8> history;
    for (std::size_t frame = 1; frame <= 10; ++frame) {
        play(alloc, 160 * frame);
        framealloc::frame_stats const expected{.number = frame, .bytes_used = 160 * frame};
        BOOST_TEST((alloc.frame_stats() == expected));
        BOOST_TEST(alloc.frame_history(history) == 1u);
        BOOST_TEST((history[0] == expected));
    }
    alloc.begin_frame();
    BOOST_TEST(alloc.frame_stats().number == 10u);  // of the last finished one
    BOOST_TEST(alloc.frame_history({}) == 0u);
    alloc.end_frame();
}

BOOST_AUTO_TEST_CASE(a_policy_of_ones_own_that_counts_has_frames_and_phases_by_the_systems_clock)
{
    static_assert(DiagnosticsPolicy<own_diagnostics>);
    basic_smart_alloc<own_diagnostics> alloc;
    alloc.begin_frame();
    {
        auto const p = alloc.phase("physics");
        static_cast<void>(alloc.frame_alloc(layout{.bytes = 160}));
    }
    frame_summary const summary = alloc.end_frame();
    BOOST_TEST(summary.frame.operations.frame_requested_bytes == 160u);
    BOOST_TEST(summary.frame.ended_at_nanoseconds > summary.frame.nanoseconds);
    BOOST_TEST_REQUIRE(summary.phases.size() == 1u);
    BOOST_TEST(summary.phases[0].total.operations.frame_allocations == 1u);
    BOOST_TEST(summary.phases[0].total.nanoseconds <= summary.frame.nanoseconds);
}

BOOST_AUTO_TEST_SUITE_END()
