// SPDX-License-Identifier: MIT OR Apache-2.0
#include "support/test.hpp"

#include "support/fake_clock.hpp"
#include "support/faults.hpp"

#include <framealloc/arena/fixed.hpp>
#include <framealloc/arena/in_flight.hpp>
#include <framealloc/budget/per_tag.hpp>
#include <framealloc/sync/mutex.hpp>
#include <framealloc/tag_budgets.hpp>
#include <framealloc/trace.hpp>

#include <boost/json.hpp>
#include <pthread.h>

#include <atomic>
#include <map>
#include <mutex>
#include <random>
#include <set>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

using namespace framealloc;
using namespace std::chrono_literals;
using test::fake_clock;
using test::fault_recorder;

namespace {

using fake_traced = basic_smart_alloc<diagnostics::basic_trace<trace_options{}, fake_clock>>;
using traced = basic_smart_alloc<diagnostics::trace>;

/// Frees what it holds before the allocator ends.
template <class Alloc>
struct held {
    Alloc& alloc;
    std::vector<void*> blocks{};
    void* take(std::size_t bytes) { return blocks.emplace_back(alloc.pool_alloc(layout{.bytes = bytes})); }
    ~held() {
        for (void* p : blocks) alloc.pool_free(p);
    }
};

// Three calls deep, each a function of its own.
template <class Alloc>
[[gnu::noinline]] void* innermost_call(Alloc& alloc) {
    void* const p = alloc.pool_alloc(layout{.bytes = 24});
    asm volatile("");
    return p;
}
template <class Alloc>
[[gnu::noinline]] void* call_in_between(Alloc& alloc) {
    void* const p = innermost_call(alloc);
    asm volatile("");
    return p;
}
template <class Alloc>
[[gnu::noinline]] void* outermost_call(Alloc& alloc) {
    void* const p = call_in_between(alloc);
    asm volatile("");
    return p;
}

using both_ends = std::tuple<diagnostics::trace, diagnostics::compose<diagnostics::checked, diagnostics::trace>>;

bool holds(std::string const& text, std::string const& what) { return text.find(what) != std::string::npos; }

}  // namespace

BOOST_AUTO_TEST_SUITE(tracing)

BOOST_AUTO_TEST_CASE(a_live_allocation_is_known_with_everything_about_it)
{
    basic_smart_alloc<diagnostics::basic_trace<trace_options{}, fake_clock>, budget::per_tag> alloc;
    constexpr allocation_tag tag{"world/physics"};
    alloc.begin_frame();
    alloc.end_frame();
    alloc.begin_frame();
    void* const first = alloc.pool_alloc(layout{.bytes = 10});
    fake_clock::pass(1000);
    auto const now = fake_clock::nanoseconds();
    void* p = nullptr;
    {
        auto const scope = alloc.tag_scope(tag);
        p = alloc.heap_alloc(layout{.bytes = 77});
    }
    void* const in_frame = alloc.frame_alloc(layout{.bytes = 5});
    auto const all = alloc.live_allocations();
    BOOST_REQUIRE(all.size() == 3u);
    BOOST_TEST(all[0].object == first);
    BOOST_TEST(all[0].tag == "(untagged)");
    BOOST_TEST(all[1].object == p);
    BOOST_TEST(all[1].bytes == 77u);
    BOOST_TEST((all[1].intent == intent::heap));
    BOOST_TEST(all[1].nanoseconds == now);
    BOOST_TEST(all[1].nanoseconds - all[0].nanoseconds == 1000u);
    BOOST_TEST(all[1].tag == "world/physics");
    BOOST_TEST(all[1].frame == 2u);
    BOOST_TEST(all[1].serial == all[0].serial + 1);
    BOOST_TEST(all[1].thread != 0u);
    char name[16] = {};
    ::pthread_getname_np(::pthread_self(), name, sizeof name);
    BOOST_TEST(all[1].thread_name == name);
    BOOST_TEST(all[1].stack.size() >= 2u);
    BOOST_TEST(all[1].site != nullptr);
    BOOST_TEST(all[1].site != all[0].site);
    BOOST_TEST(all[2].object == in_frame);
    BOOST_TEST((all[2].intent == intent::frame));
    alloc.end_frame();
    alloc.pool_free(first);
    alloc.heap_free(p);
    BOOST_TEST(alloc.live_allocations().empty());
    BOOST_TEST(alloc.trace_figures().recorded == 3u);
    BOOST_TEST(alloc.trace_figures().unknown_frees == 0u);
}

BOOST_AUTO_TEST_CASE(a_thread_is_known_by_its_name_and_number)
{
    traced alloc;
    void* p = nullptr;
    std::thread{[&] {
        ::pthread_setname_np(::pthread_self(), "loader");
        p = alloc.pool_alloc(layout{.bytes = 10});
    }}.join();
    void* const mine = alloc.pool_alloc(layout{.bytes = 10});
    auto const all = alloc.live_allocations();
    BOOST_REQUIRE(all.size() == 2u);
    BOOST_TEST(all[0].thread_name == "loader");
    BOOST_TEST(all[0].thread != all[1].thread);
    alloc.pool_free(p);  // on another thread than it came from
    alloc.pool_free(mine);
    BOOST_TEST(alloc.trace_figures().live == 0u);
}

// --- frames ----------------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(the_end_of_a_frame_of_a_scope_and_a_rollback_forget_what_they_take)
{
    traced alloc;
    alloc.begin_frame();
    static_cast<void>(alloc.frame_alloc<int>());
    {
        auto scope = alloc.frame_scope();
        for (int i = 0; i < 1000; ++i) static_cast<void>(scope.frame_alloc(layout{.bytes = 700}));
        static_cast<void>(scope.frame_alloc(layout{.bytes = 2'000'000}));
        BOOST_TEST(alloc.trace_figures().live == 1002u);
    }
    BOOST_TEST(alloc.trace_figures().live == 1u);
    {
        auto const guard = alloc.rollback_guard();
        static_cast<void>(alloc.frame_alloc<int>());
    }
    BOOST_TEST(alloc.trace_figures().live == 1u);
    void* const p = alloc.frame_alloc(layout{.bytes = 100});
    BOOST_TEST(alloc.try_frame_extend(p, 100, 300));
    BOOST_TEST(alloc.live_allocations().back().bytes == 300u);
    BOOST_TEST(alloc.try_frame_give_back(p, 300));
    BOOST_TEST(alloc.trace_figures().live == 1u);
    alloc.end_frame();
    BOOST_TEST(alloc.trace_figures().live == 0u);
    BOOST_TEST(alloc.trace_figures().unknown_frees == 0u);
}

BOOST_AUTO_TEST_CASE(frames_in_flight_are_alive_as_long_as_their_memory)
{
    basic_smart_alloc<diagnostics::trace, arena::in_flight<2, arena::fixed<65536>>> alloc;
    for (int frame = 0; frame < 5; ++frame) {
        alloc.begin_frame();
        for (int i = 0; i < 10; ++i) static_cast<void>(alloc.frame_alloc<int>());
        BOOST_TEST(alloc.trace_figures().live == (frame == 0 ? 10u : 20u));
        alloc.end_frame();
        BOOST_TEST(alloc.trace_figures().live == 10u);
    }
}

BOOST_AUTO_TEST_CASE(the_frame_of_all_threads_forgets_what_every_thread_had_in_it)
{
    traced alloc;
    alloc.begin_frame_all();
    std::vector<std::thread> threads;
    for (int t = 0; t < 3; ++t) {
        threads.emplace_back([&] {
            for (int i = 0; i < 50; ++i) static_cast<void>(alloc.frame_alloc<int>());
        });
    }
    for (auto& t : threads) t.join();
    BOOST_TEST(alloc.trace_figures().live == 150u);
    alloc.end_frame_all();
    BOOST_TEST(alloc.trace_figures().live == 0u);
}

// --- leaks -----------------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(leaks_are_those_older_than_asked_grouped_by_call_site)
{
    fake_traced alloc;
    held<fake_traced> blocks{alloc};
    for (int i = 0; i < 3; ++i) blocks.take(100);
    fake_clock::pass(61'000'000'000);
    for (int i = 0; i < 5; ++i) blocks.take(100);
    for (int i = 0; i < 2; ++i) blocks.blocks.push_back(alloc.pool_alloc(layout{.bytes = 32}));

    auto const everything = alloc.find_leaks();
    BOOST_TEST(everything.count == 10u);
    BOOST_TEST(everything.bytes == 864u);
    BOOST_REQUIRE(everything.groups.size() == 2u);
    BOOST_TEST(everything.groups[0].count == 8u);
    BOOST_TEST(everything.groups[0].bytes == 800u);
    BOOST_TEST((everything.groups[0].oldest == 61s));
    BOOST_TEST(everything.groups[1].count == 2u);

    auto const old = alloc.find_leaks({.older_than = 60s});
    BOOST_REQUIRE(old.groups.size() == 1u);
    BOOST_TEST(old.groups[0].count == 3u);
    BOOST_TEST(old.groups[0].bytes == 300u);
    BOOST_TEST(old.groups[0].site == everything.groups[0].site);
    BOOST_TEST(alloc.find_leaks({.older_than = 62s}).groups.empty());
}

BOOST_AUTO_TEST_CASE(leaks_are_those_of_so_many_frames_ago)
{
    fake_traced alloc;
    held<fake_traced> blocks{alloc};
    auto const frame = [&] {
        alloc.begin_frame();
        blocks.take(16);
        alloc.end_frame();
    };
    for (int i = 0; i < 10; ++i) frame();
    BOOST_TEST(alloc.find_leaks({.older_than_frames = 10}).count == 1u);  // the first one's frame has ended, and nine more
    BOOST_TEST(alloc.find_leaks({.older_than_frames = 4}).count == 7u);
    BOOST_TEST(alloc.find_leaks({.older_than_frames = 11}).count == 0u);
}

BOOST_AUTO_TEST_CASE(growth_tells_what_leaks_from_what_lives_long)
{
    fake_traced alloc;
    held<fake_traced> leaked{alloc}, assets{alloc};
    for (int i = 0; i < 20; ++i) assets.blocks.push_back(alloc.pool_alloc(layout{.bytes = 64}));
    auto const leak = [&] { leaked.blocks.push_back(alloc.pool_alloc(layout{.bytes = 48})); };
    leak();
    fake_clock::pass(60'000'000'000);
    BOOST_TEST(alloc.find_leaks({.older_than = 60s}).groups.size() == 2u);
    leak();
    leak();
    fake_clock::pass(60'000'000'000);
    auto const report = alloc.find_leaks({.older_than = 60s, .grown_by = 1});
    BOOST_REQUIRE(report.groups.size() == 1u);
    BOOST_TEST(report.groups[0].count == 3u);
    BOOST_TEST(report.groups[0].count_growth == 2);
    BOOST_TEST(report.groups[0].bytes_growth == 96);
    alloc.pool_free(leaked.blocks.back());
    leaked.blocks.pop_back();
    auto const less = alloc.find_leaks();
    BOOST_TEST(less.groups[1].count_growth == -1);
    BOOST_TEST(less.groups[0].count_growth == 0);
}

BOOST_AUTO_TEST_CASE(objects_of_an_open_frame_are_no_leaks)
{
    traced alloc;
    alloc.begin_frame();
    static_cast<void>(alloc.frame_alloc<int>());
    BOOST_TEST(alloc.find_leaks().count == 0u);
    alloc.end_frame();
}

#ifdef FRAMEALLOC_TEST_SYMBOLS
BOOST_AUTO_TEST_CASE(a_block_leaked_three_calls_deep_is_reported_with_functions_and_lines)
{
    traced alloc;
    void* const p = outermost_call(alloc);
    std::string const text = to_text(alloc.find_leaks());
    BOOST_TEST_CONTEXT(text) {
        auto const inner = text.find("innermost_call<"), between = text.find("call_in_between<"), outer = text.find("outermost_call<");
        BOOST_TEST(inner != text.npos);
        BOOST_TEST(between != text.npos);
        BOOST_TEST(outer != text.npos);
        BOOST_TEST(inner < between);
        BOOST_TEST(between < outer);
        BOOST_TEST(holds(text, "(trace.cpp:"));
    }
    alloc.pool_free(p);
}
#endif

BOOST_AUTO_TEST_CASE(the_report_reads_as_json)
{
    traced alloc;
    void* const p = alloc.pool_alloc(layout{.bytes = 24});
    auto const report = alloc.find_leaks();
    boost::json::value const read = boost::json::parse(to_json(report));
    BOOST_TEST(read.at("count").to_number<int>() == 1);
    auto const& group = read.at("groups").as_array().at(0);
    BOOST_TEST(group.at("bytes").to_number<int>() == 24);
    BOOST_TEST(group.at("intent").as_string() == "pool");
    BOOST_TEST(group.at("example").at("tag").as_string() == "(untagged)");
    BOOST_TEST(!group.at("site").as_string().empty());
    std::ostringstream out;
    out << report;
    BOOST_TEST(out.str() == to_text(report));
    alloc.pool_free(p);
}

// --- the instance's end ----------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE_TEMPLATE(an_allocator_that_ends_under_live_blocks_names_their_places, Diagnostics,
                              both_ends)
{
    fault_recorder const faults;
    {
        basic_smart_alloc<Diagnostics> alloc;
        for (int i = 0; i < 3; ++i) static_cast<void>(outermost_call(alloc));
        static_cast<void>(alloc.heap_alloc(layout{.bytes = 1000}));
        alloc.begin_frame();
        static_cast<void>(alloc.template frame_alloc<int>());
    }
    BOOST_TEST(faults.count() == 3u);  // two places and the sum
    for (fault_code const c : faults.codes()) BOOST_TEST(c == fault_code::live_at_end);
    BOOST_TEST(holds(faults.last_text(), " ended with 4 of its blocks alive, of 1072 bytes, from 2 places"));
}

BOOST_AUTO_TEST_CASE(an_allocator_that_ends_with_nothing_alive_says_nothing)
{
    fault_recorder const faults;
    {
        traced alloc;
        alloc.pool_free(alloc.pool_alloc(layout{.bytes = 24}));
    }
    BOOST_TEST(faults.count() == 0u);
}

// --- stacks ----------------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(without_stacks_everything_else_is_still_known)
{
    basic_smart_alloc<diagnostics::basic_trace<trace_options{.stacks = stack_capture::never}>> alloc;
    void* const p = alloc.pool_alloc(layout{.bytes = 24});
    auto const all = alloc.live_allocations();
    BOOST_REQUIRE(all.size() == 1u);
    BOOST_TEST(all[0].stack.empty());
    BOOST_TEST(all[0].site != nullptr);
    BOOST_TEST(alloc.find_leaks().count == 1u);
    alloc.pool_free(p);
}

BOOST_AUTO_TEST_CASE(a_sampling_trace_has_one_stack_in_so_many_bytes)
{
    using options = diagnostics::basic_trace<trace_options{.stacks = stack_capture::sampled, .sample_bytes = 1000}>;
    basic_smart_alloc<options> alloc;
    held<basic_smart_alloc<options>> blocks{alloc};
    for (int i = 0; i < 100; ++i) blocks.take(100);
    std::size_t with_stack = 0;
    for (auto const& a : alloc.live_allocations()) with_stack += !a.stack.empty();
    BOOST_TEST(alloc.live_allocations().size() == 100u);
    BOOST_TEST(with_stack == 10u);
}

BOOST_AUTO_TEST_CASE(a_stack_is_no_deeper_than_asked)
{
    basic_smart_alloc<diagnostics::basic_trace<trace_options{.depth = 2}>> alloc;
    void* const p = outermost_call(alloc);
    BOOST_TEST(alloc.live_allocations()[0].stack.size() == 2u);
    alloc.pool_free(p);
}

// The tests are compiled without optimisation, and so have frame pointers.
#if !defined(__OPTIMIZE__)
BOOST_AUTO_TEST_CASE(both_ways_up_the_stack_find_the_same_callers)
{
    constexpr trace_options by_pointers{.walk = stack_walk::frame_pointers};
    basic_smart_alloc<diagnostics::basic_trace<by_pointers>> walked;
    basic_smart_alloc<diagnostics::trace> unwound;
    std::vector<void const*> stacks[2];
    std::size_t at = 0;
    auto const look = [&](auto& alloc) {
        void* const p = outermost_call(alloc);
        stacks[at++] = alloc.live_allocations()[0].stack;
        alloc.pool_free(p);
    };
    for (int i = 0; i < 2; ++i) i == 0 ? look(walked) : look(unwound);
    // The two allocators are of different types, and so are the functions, but for this one's callers.
    BOOST_REQUIRE(stacks[0].size() >= 8u);
    std::set<void const*> const by_tables(stacks[1].begin(), stacks[1].end());
    std::size_t common = 0;
    for (void const* p : stacks[0]) common += by_tables.count(p);
    BOOST_TEST(common >= 3u);
}
#endif

BOOST_AUTO_TEST_CASE(a_stack_of_which_no_bound_is_known_is_not_walked)
{
    // A frame beyond the thread's own stack, as in a coroutine with one of its own.
    auto const before = detail::stack_of_thread;
    detail::stack_of_thread = {.range = {}, .asked = true};
    void const* frames[4];
    BOOST_TEST(detail::walk_frame_pointers(frames, 4) == 0u);
    detail::stack_of_thread = {.range = {16, 64}, .asked = true};
    BOOST_TEST(detail::walk_frame_pointers(frames, 4) == 0u);
    detail::stack_of_thread = before;
}

// --- the table -------------------------------------------------------------------------------------------------------

namespace {

/// Gives so many pieces and no more.
struct scarce_memory {
    static inline std::atomic<int> left{1'000'000};
    static inline std::atomic<long> outstanding{0};
    static void* try_take(std::size_t bytes) noexcept {
        if (left.fetch_sub(1) <= 0) return nullptr;
        outstanding += static_cast<long>(bytes);
        return trace_memory::try_take(bytes);
    }
    static void give_back(void* p, std::size_t bytes) noexcept {
        outstanding -= static_cast<long>(bytes);
        trace_memory::give_back(p, bytes);
    }
};

}  // namespace

BOOST_AUTO_TEST_CASE(without_memory_it_says_so_once_goes_on_and_counts_what_it_misses)
{
    using scarce = basic_smart_alloc<diagnostics::basic_trace<trace_options{}, monotonic_clock, scarce_memory>>;
    for (int pieces = 0; pieces < 80; ++pieces) {
        scarce_memory::left = pieces;
        fault_recorder const faults;
        {
            scarce alloc;
            held<scarce> blocks{alloc};
            for (int i = 0; i < 5000; ++i) blocks.take(16);
            auto const figures = alloc.trace_figures();
            BOOST_TEST(figures.live + figures.unrecorded == 5000u);
            BOOST_TEST(figures.recorded == figures.live);
            BOOST_TEST(faults.count() == (figures.unrecorded != 0 ? 1u : 0u));
            if (figures.unrecorded != 0) BOOST_TEST(faults.last() == fault_code::out_of_memory);
            BOOST_TEST(alloc.find_leaks().unrecorded == figures.unrecorded);
            if (pieces == 0) BOOST_TEST(figures.live == 0u);
        }
        BOOST_TEST(faults.count() <= 1u);  // nothing leaked
        BOOST_TEST(scarce_memory::outstanding == 0);
    }
    scarce_memory::left = 1'000'000;
}

BOOST_AUTO_TEST_CASE(the_table_agrees_with_a_model_under_churn_of_several_threads)
{
    basic_smart_alloc<diagnostics::basic_trace<trace_options{.stacks = stack_capture::sampled, .sample_bytes = 4096}>> alloc;
    constexpr int threads = 4, steps = 6000;
    // Blocks that one thread allocates, any thread frees.
    std::mutex guard;
    std::vector<std::pair<void*, std::size_t>> shared;
    std::atomic<unsigned long long> allocations{0};
    std::vector<std::thread> running;
    std::atomic<bool> stop{false};
    std::thread asker{[&] {
        while (!stop) static_cast<void>(alloc.find_leaks({.older_than = 1ms}));
    }};
    for (unsigned t = 0; t < threads; ++t) {
        running.emplace_back([&, t] {
            std::mt19937 random{t + 1};
            for (int i = 0; i < steps; ++i) {
                unsigned const what = static_cast<unsigned>(random() % 10);
                if (what < 5) {
                    std::size_t const bytes = what == 0 ? 5000 + random() % 5000 : 1 + random() % 300;
                    void* const p = what == 1 ? alloc.heap_alloc(layout{.bytes = bytes}) : alloc.pool_alloc(layout{.bytes = bytes});
                    ++allocations;
                    std::scoped_lock const lock{guard};
                    shared.emplace_back(p, bytes);
                } else if (what < 9) {
                    void* p = nullptr;
                    {
                        std::scoped_lock const lock{guard};
                        if (shared.empty()) continue;
                        std::swap(shared[random() % shared.size()], shared.back());
                        p = shared.back().first;
                        shared.pop_back();
                    }
                    alloc.pool_free(p);
                } else {
                    auto scope = alloc.frame_scope();
                    for (auto k = random() % 20; k != 0; --k, ++allocations) static_cast<void>(scope.frame_alloc(layout{.bytes = 1 + random() % 500}));
                }
            }
        });
    }
    for (auto& t : running) t.join();
    stop = true;
    asker.join();
    std::map<void const*, std::size_t> expected(shared.begin(), shared.end()), seen;
    for (auto const& a : alloc.live_allocations()) {
        BOOST_TEST((a.intent != intent::frame));
        seen.emplace(a.object, a.bytes);
    }
    BOOST_TEST((seen == expected));
    BOOST_TEST(alloc.trace_figures().recorded == allocations.load());
    BOOST_TEST(alloc.trace_figures().unknown_frees == 0u);
    for (auto const& [p, bytes] : shared) alloc.pool_free(p);
    BOOST_TEST(alloc.trace_figures().live == 0u);
}

// Static storage, before anything has run.
constinit basic_smart_alloc<diagnostics::trace> traced_from_the_start{};

BOOST_AUTO_TEST_CASE(a_traced_allocator_may_be_constant_initialised)
{
    void* const p = traced_from_the_start.pool_alloc(layout{.bytes = 8});
    BOOST_TEST(traced_from_the_start.trace_figures().live == 1u);
    traced_from_the_start.pool_free(p);
}

BOOST_AUTO_TEST_SUITE_END()
