// SPDX-License-Identifier: MIT OR Apache-2.0
#include "support/test.hpp"

#include "support/child.hpp"
#include "support/faults.hpp"

#include <framealloc/allocation_baseline.hpp>
#include <framealloc/contracts.hpp>
#include <framealloc/diagnostics/counters.hpp>
#include <framealloc/testing/contracts_boost_test.hpp>

#include <coroutine>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <sstream>
#include <stdexcept>
#include <string>
#include <thread>
#include <unistd.h>
#include <vector>

using namespace framealloc;
using test::fault_recorder;

namespace {

using contracted = basic_smart_alloc<diagnostics::contracts>;
using composed = basic_smart_alloc<diagnostics::compose<diagnostics::counters, diagnostics::contracts>>;
using both = basic_smart_alloc<diagnostics::compose<diagnostics::contracts, diagnostics::checked>>;
using keeping = std::tuple<contracted, composed, smart_alloc_debug, both>;

static_assert(!detail::observes<smart_alloc::assembly_type>);
// One thread's state is the thread's: an instance has nothing of it.
static_assert(sizeof(basic_smart_alloc<diagnostics::contracts, sync::single_threaded>) ==
              sizeof(basic_smart_alloc<sync::single_threaded>));

bool holds(std::string const& text, std::string const& what) { return text.find(what) != std::string::npos; }

#if FRAMEALLOC_EXCEPTIONS
/// Refuses by throwing what the report says.
struct throwing_handler {
    throwing_handler() : before(set_fault_handler(&refuse)) {}
    ~throwing_handler() { set_fault_handler(before); }
    static fault_action refuse(fault const& f) {
        char text[1024];
        f.write(text, sizeof text);
        throw std::runtime_error(text);
    }
    fault_handler before;
};
#endif

}  // namespace

BOOST_AUTO_TEST_SUITE(contracts)

BOOST_AUTO_TEST_CASE_TEMPLATE(an_allocation_where_none_is_allowed_is_reported_with_its_place_and_the_scopes, Alloc, keeping)
{
    Alloc alloc;
    alloc.begin_frame();
    void* p = nullptr;
    fault_recorder const faults;
    {
        no_allocation_scope const quiet{"audio callback"};
        BOOST_TEST(faults.count() == 0u);
        p = alloc.pool_alloc(layout{.bytes = 64});
        BOOST_TEST(faults.count() == 1u);
        BOOST_TEST(faults.last() == fault_code::contract_broken);
        BOOST_TEST(holds(faults.last_text(), "the contract \"audio callback\" allows 0 allocations; this is number 1, of 64 bytes: "
                                             "1 too many"));
        BOOST_TEST(holds(faults.last_text(), "\n  at: "));
        BOOST_TEST(holds(faults.last_text(), "\n  contract opened at: "));
#ifdef FRAMEALLOC_TEST_SYMBOLS
        BOOST_TEST(holds(faults.last_text(), "an_allocation_where_none_is_allowed"));
#endif
        static_cast<void>(alloc.template try_frame_alloc<int>());
        BOOST_TEST(faults.count() == 2u);
        void* const large = alloc.heap_alloc(layout{.bytes = 640});
        BOOST_TEST(faults.count() == 3u);
        BOOST_TEST(quiet.breaches() == 3u);
        alloc.pool_free(p);  // what gives memory back is no allocation
        alloc.heap_free(large);
        BOOST_TEST(faults.count() == 3u);
    }
    p = alloc.pool_alloc(layout{.bytes = 64});
    alloc.pool_free(p);
    BOOST_TEST(faults.count() == 3u);
    alloc.end_frame();
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_budget_allows_so_many_allocations_and_bytes, Alloc, keeping)
{
    Alloc alloc;
    auto scope = alloc.frame_scope();
    fault_recorder const faults;
    {
        allocation_budget const budget{.name = "two", .count = 2};
        for (int i = 0; i < 2; ++i) static_cast<void>(alloc.frame_alloc(layout{.bytes = 10}));
        BOOST_TEST(faults.count() == 0u);
        static_cast<void>(alloc.frame_alloc(layout{.bytes = 10}));
        BOOST_TEST(holds(faults.last_text(), "\"two\" allows 2 allocations; this is number 3, of 10 bytes: 1 too many"));
        BOOST_TEST(budget.requested_count() == 3u);
        BOOST_TEST(budget.requested_bytes() == 30u);
        BOOST_TEST(budget.breaches() == 1u);
        BOOST_TEST(budget.first_breach_at() != nullptr);
    }
    {
        allocation_budget const budget{.name = "level", .bytes = 4_KiB};
        static_cast<void>(alloc.frame_alloc(layout{.bytes = 4096}));
        BOOST_TEST(budget.breaches() == 0u);
        static_cast<void>(alloc.frame_alloc(layout{.bytes = 12}));
        BOOST_TEST(holds(faults.last_text(), "\"level\" allows 4096 bytes; with this allocation of 12 it has 4108: 12 too many"));
    }
    BOOST_TEST(faults.count() == 2u);
}

BOOST_AUTO_TEST_CASE(the_growth_of_the_newest_frame_object_counts_in_bytes_alone)
{
    contracted alloc;
    auto scope = alloc.frame_scope();
    void* const p = alloc.frame_alloc(layout{.bytes = 64});
    fault_recorder const faults;
    no_allocation_scope const nothing_new;
    BOOST_TEST(alloc.try_frame_extend(p, 64, 128));
    BOOST_TEST(faults.count() == 0u);
    allocation_budget const budget{.bytes = 32};
    BOOST_TEST(alloc.try_frame_extend(p, 128, 160));
    BOOST_TEST(faults.count() == 0u);
    BOOST_TEST(alloc.try_frame_extend(p, 160, 161));
    BOOST_TEST(faults.count() == 1u);
    BOOST_TEST(alloc.try_frame_extend(p, 161, 16));
    BOOST_TEST(budget.requested_bytes() == 33u);
}

BOOST_AUTO_TEST_CASE(a_contract_may_be_about_one_intent_alone)
{
    contracted alloc;
    auto scope = alloc.frame_scope();
    fault_recorder const faults;
    allocation_budget const budget{.count = 0, .intent = intent::heap};
    static_cast<void>(alloc.frame_alloc(layout{.bytes = 10}));
    alloc.pool_free(alloc.pool_alloc(layout{.bytes = 10}));
    BOOST_TEST(faults.count() == 0u);
    alloc.pool_free(alloc.pool_alloc(layout{.bytes = 100'000}));  // too large for a pool: the heap serves it
    BOOST_TEST(faults.count() == 1u);
    no_allocation_scope const frames_too{"frames", contract_intents{intent::frame} | intent::heap};
    static_cast<void>(alloc.frame_alloc(layout{.bytes = 10}));
    BOOST_TEST(faults.count() == 2u);
}

BOOST_AUTO_TEST_CASE(nested_contracts_all_count_and_each_reports_its_own_breach)
{
    contracted alloc;
    auto scope = alloc.frame_scope();
    fault_recorder const faults;
    allocation_budget const outer{.name = "outer", .count = 3};
    {
        allocation_budget const inner{.name = "inner", .count = 1};
        for (int i = 0; i < 2; ++i) static_cast<void>(alloc.frame_alloc<int>());
        BOOST_TEST(faults.count() == 1u);
        BOOST_TEST(holds(faults.last_text(), "\"inner\""));
    }
    static_cast<void>(alloc.frame_alloc<int>());
    BOOST_TEST(faults.count() == 1u);
    static_cast<void>(alloc.frame_alloc<int>());
    BOOST_TEST(faults.count() == 2u);
    BOOST_TEST(holds(faults.last_text(), "\"outer\""));
    BOOST_TEST(outer.requested_count() == 4u);
}

BOOST_AUTO_TEST_CASE(a_thread_has_its_own_contracts)
{
    contracted alloc;
    fault_recorder const faults;
    no_allocation_scope const here;
    std::thread{[&] { alloc.pool_free(alloc.pool_alloc(layout{.bytes = 10})); }}.join();
    BOOST_TEST(faults.count() == 0u);
}

#if FRAMEALLOC_EXCEPTIONS
BOOST_AUTO_TEST_CASE_TEMPLATE(a_handler_that_throws_refuses_the_allocation_and_the_contract_ends_with_its_block, Alloc, keeping)
{
    Alloc alloc;
    alloc.begin_frame();
    auto const before = alloc.stats();
    throwing_handler const handler;
    for (int i = 0; i < 3; ++i) {
        std::string text;
        try {
            no_allocation_scope const quiet{"mixer"};
            i == 0   ? static_cast<void>(alloc.frame_alloc(layout{.bytes = 10}))
            : i == 1 ? static_cast<void>(alloc.pool_alloc(layout{.bytes = 10}))
                     : static_cast<void>(alloc.heap_alloc(layout{.bytes = 10}));
        } catch (std::runtime_error const& e) {
            text = e.what();
        }
        BOOST_TEST(holds(text, "\"mixer\" allows 0 allocations"));
        BOOST_TEST((alloc.stats() == before));
    }
    static_cast<void>(alloc.frame_alloc(layout{.bytes = 10}));  // no contract any more
    alloc.end_frame();
}
#endif

BOOST_AUTO_TEST_CASE(a_handler_may_allocate_where_a_contract_forbids_it)
{
    static contracted* used = nullptr;
    static int calls = 0;
    contracted alloc;
    used = &alloc;
    calls = 0;
    auto const before = set_fault_handler([](fault const&) {
        ++calls;
        used->pool_free(used->pool_alloc(layout{.bytes = 10}));
        return fault_action::go_on;
    });
    {
        no_allocation_scope const quiet;
        alloc.pool_free(alloc.pool_alloc(layout{.bytes = 10}));
        BOOST_TEST(quiet.breaches() == 1u);
    }
    set_fault_handler(before);
    BOOST_TEST(calls == 1);
}

BOOST_AUTO_TEST_CASE(a_contract_that_ends_before_one_inside_it_is_named_and_the_others_go_on)
{
    contracted alloc;
    fault_recorder const faults;
    auto first = std::make_unique<no_allocation_scope>("first");
    auto second = std::make_unique<no_allocation_scope>("second");
    first.reset();
    BOOST_TEST(faults.count() == 1u);
    BOOST_TEST(holds(faults.last_text(), "the contract \"first\" ended before one that was opened in it"));
    BOOST_TEST(!faults.last_would_stop());
    alloc.pool_free(alloc.pool_alloc(layout{.bytes = 10}));
    BOOST_TEST(faults.count() == 2u);
    BOOST_TEST(holds(faults.last_text(), "\"second\""));
    second.reset();
    alloc.pool_free(alloc.pool_alloc(layout{.bytes = 10}));
    BOOST_TEST(faults.count() == 2u);
}

namespace {

/// A coroutine that begins at once, and is resumed and ended by hand.
struct task {
    struct promise_type {
        task get_return_object() { return {std::coroutine_handle<promise_type>::from_promise(*this)}; }
        std::suspend_never initial_suspend() noexcept { return {}; }
        std::suspend_always final_suspend() noexcept { return {}; }
        void return_void() {}
        void unhandled_exception() { std::abort(); }
    };
    std::coroutine_handle<promise_type> handle;
};

task holds_a_contract_while_suspended() {
    no_allocation_scope const quiet{"in a coroutine"};
    co_await std::suspend_always{};
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_suspended_coroutine_leaves_its_contract_open_on_its_thread)
{
    contracted alloc;
    fault_recorder const faults;
    task const t = holds_a_contract_while_suspended();
    alloc.pool_free(alloc.pool_alloc(layout{.bytes = 10}));
    BOOST_TEST(faults.count() == 1u);
    t.handle.resume();
    alloc.pool_free(alloc.pool_alloc(layout{.bytes = 10}));
    BOOST_TEST(faults.count() == 1u);
    t.handle.destroy();
}

BOOST_AUTO_TEST_CASE(a_coroutine_that_ends_its_contract_on_another_thread_stops_the_program)
{
    auto const child = test::run_in_child([] {
        task const t = holds_a_contract_while_suspended();
        std::thread{[&] { t.handle.resume(); }}.join();
        return 0;
    });
    BOOST_TEST(child.aborted());
    BOOST_TEST(child.says("FA220"));
    BOOST_TEST(child.says("\"in a coroutine\" ended on another thread than it was opened on"));
}

// --- in tests --------------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(the_checks_of_boost_test_pass_where_the_contract_is_kept)
{
    contracted alloc;
    auto scope = alloc.frame_scope();
    FRAMEALLOC_BOOST_NO_ALLOCATION(static_cast<void>(alloc.stats()));
    FRAMEALLOC_BOOST_ALLOCATIONS((.count = 2, .bytes = 64), static_cast<void>(alloc.frame_alloc<int>());
                                 static_cast<void>(alloc.frame_alloc(layout{.bytes = 60})));
}

BOOST_AUTO_TEST_CASE(what_a_broken_contract_says_has_counts_and_the_place)
{
    contracted alloc;
    std::vector<std::string> failures;
#define FRAMEALLOC_TEST_FAIL(text) failures.push_back(text)
    FRAMEALLOC_DETAIL_UNDER_CONTRACT(FRAMEALLOC_TEST_FAIL, (.count = 0), alloc.pool_free(alloc.pool_alloc(layout{.bytes = 24})));
    FRAMEALLOC_DETAIL_UNDER_CONTRACT(FRAMEALLOC_TEST_FAIL, (.count = 1), alloc.pool_free(alloc.pool_alloc(layout{.bytes = 24})));
    BOOST_REQUIRE(failures.size() == 1u);
    BOOST_TEST(holds(failures[0], "1 allocations of 24 bytes; allowed are 0 allocations of any number of bytes. The first beyond that: "));
#if FRAMEALLOC_EXCEPTIONS
    auto const throws = [&] {
        FRAMEALLOC_DETAIL_UNDER_CONTRACT(FRAMEALLOC_TEST_FAIL, (.count = 0), throw std::runtime_error("x"));
    };
    BOOST_CHECK_THROW(throws(), std::runtime_error);
#endif
    BOOST_TEST(failures.size() == 1u);
    BOOST_TEST((detail::innermost_contract == nullptr));
}

// --- baselines -------------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(work_is_measured_without_being_limited)
{
    contracted alloc;
    fault_recorder const faults;
    auto const seen = measure_allocations([&] {
        alloc.pool_free(alloc.pool_alloc(layout{.bytes = 24}));
        alloc.heap_free(alloc.heap_alloc(layout{.bytes = 1000}));
    });
    BOOST_TEST((seen == allocation_totals{.count = 2, .bytes = 1024}));
    BOOST_TEST(faults.count() == 0u);
}

BOOST_AUTO_TEST_CASE(a_baseline_reads_what_it_wrote)
{
    allocation_baseline baseline, read;
    baseline.record("steady frame", {});
    baseline.record("load level", {.count = 12, .bytes = 4096});
    std::ostringstream out;
    baseline.write(out);
    BOOST_TEST(out.str() == "# allocations bytes name\n12 4096 load level\n0 0 steady frame\n");
    std::istringstream in{out.str()};
    std::string error;
    BOOST_TEST(read.read(in, error));
    BOOST_TEST(read.size() == 2u);
    BOOST_TEST((*read.find("load level") == allocation_totals{.count = 12, .bytes = 4096}));
    BOOST_TEST(read.find("nothing") == nullptr);
}

BOOST_AUTO_TEST_CASE(text_that_is_no_baseline_is_refused_and_changes_nothing)
{
    for (std::string const bad : {"12 load\n", "x 1 a\n", "1 1\n", "-1 1 a\n", "1 -1 a\n", " 1 1 a\n", "1 1 a\n2 2 a\n",
                                   "99999999999999999999999 1 a\n"}) {
        allocation_baseline baseline;
        baseline.record("kept", {.count = 1, .bytes = 2});
        std::istringstream in{bad};
        std::string error;
        BOOST_TEST_CONTEXT(bad) {
            BOOST_TEST(!baseline.read(in, error));
            BOOST_TEST(holds(error, "line "));
            BOOST_TEST(baseline.size() == 1u);
        }
    }
}

BOOST_AUTO_TEST_CASE(more_than_recorded_fails_and_less_does_not)
{
    allocation_baseline baseline;
    baseline.record("frame", {.count = 2, .bytes = 100});
    std::string why;
    BOOST_TEST(baseline.allows("frame", {.count = 2, .bytes = 100}, why));
    BOOST_TEST(baseline.allows("frame", {.count = 0, .bytes = 0}, why));
    BOOST_TEST(!baseline.allows("frame", {.count = 3, .bytes = 90}, why));
    BOOST_TEST(why == "\"frame\" made 3 allocations of 90 bytes; the baseline has 2 allocations of 100 bytes");
    BOOST_TEST(!baseline.allows("frame", {.count = 1, .bytes = 101}, why));
    BOOST_TEST(!baseline.allows("another", {}, why));
    BOOST_TEST(holds(why, "is not in the baseline"));
}

BOOST_AUTO_TEST_CASE(a_frame_loop_that_allocates_more_than_its_file_says_fails)
{
    contracted alloc;
    int extra = 0;
    auto const frame = [&] {
        auto scope = alloc.frame_scope();
        for (int i = 0; i < 3 + extra; ++i) static_cast<void>(scope.frame_alloc(layout{.bytes = 16}));
    };
    char path[] = "/tmp/framealloc_baseline_XXXXXX";
    int const file = ::mkstemp(path);
    BOOST_REQUIRE(file != -1);
    ::close(file);
    std::remove(path);
    BOOST_TEST(holds(allocation_baseline::check(path, "frame", frame), "cannot be read"));
    ::setenv("FRAMEALLOC_UPDATE_BASELINE", "1", 1);
    BOOST_TEST(allocation_baseline::check(path, "frame", frame) == "");
    ::unsetenv("FRAMEALLOC_UPDATE_BASELINE");
    BOOST_TEST(allocation_baseline::check(path, "frame", frame) == "");
    FRAMEALLOC_BOOST_BASELINE(path, "frame", frame());
    extra = 1;
    BOOST_TEST(allocation_baseline::check(path, "frame", frame) ==
               "\"frame\" made 4 allocations of 64 bytes; the baseline has 3 allocations of 48 bytes");
    std::remove(path);
}

BOOST_AUTO_TEST_SUITE_END()
