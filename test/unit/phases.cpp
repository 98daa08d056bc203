// SPDX-License-Identifier: MIT OR Apache-2.0
#include "support/test.hpp"

#include "support/fake_clock.hpp"
#include "support/faults.hpp"
#include "support/process.hpp"

#include <framealloc/diagnostics/counters.hpp>
#include <framealloc/profiler.hpp>

#include <memory>
#include <string>
#include <type_traits>
#include <vector>

using namespace framealloc;

namespace {

using test::fake_clock;
using timed_alloc = basic_smart_alloc<diagnostics::basic_counters<fake_clock>>;

template <class Alloc>
void take(Alloc& alloc, std::size_t bytes, unsigned long long nanoseconds) {
    static_cast<void>(alloc.frame_alloc(layout{.bytes = bytes}));
    fake_clock::pass(nanoseconds);
}

/// The only phase of the name; a failure where there is none.
phase_stats const& named(std::span<phase_stats const> phases, std::string const& name) {
    static phase_stats const none;
    for (phase_stats const& p : phases) {
        if (p.name == name) return p;
    }
    BOOST_TEST(false, "no phase " << name);
    return none;
}

template <class Alloc>
using phase_of = decltype(std::declval<Alloc&>().phase(""));
static_assert(!std::is_copy_constructible_v<phase_of<timed_alloc>> && !std::is_move_constructible_v<phase_of<timed_alloc>>);
static_assert(!std::is_copy_constructible_v<phase_of<smart_alloc>> && !std::is_move_constructible_v<phase_of<smart_alloc>>);
static_assert(std::is_empty_v<phase_of<smart_alloc>>);

/// Writes down what it is told.
struct zone_log {
    std::vector<std::string> told;
    profiler as_profiler{
        .zone_begin = [](char const* name, void* log) noexcept {
            static_cast<zone_log*>(log)->told.push_back(std::string("begin ") + name);
        },
        .zone_end = [](void* log) noexcept { static_cast<zone_log*>(log)->told.push_back("end"); },
        .context = this};
};

}  // namespace

BOOST_AUTO_TEST_SUITE(phases)

BOOST_AUTO_TEST_CASE(nested_phases_over_known_allocations_have_exact_figures)
{
    timed_alloc alloc;
    alloc.begin_frame();
    take(alloc, 16, 1);  // in no phase
    {
        auto const physics = alloc.phase("physics");
        take(alloc, 160, 10);
        {
            auto const broad = alloc.phase("broad");
            take(alloc, 320, 200);
            static_cast<void>(alloc.pool_box<int>(1));
            {
                auto const sort = alloc.phase("sort");
                take(alloc, 32, 3);
            }
        }
        {
            auto const narrow = alloc.phase("narrow");
            take(alloc, 640, 4000);
            alloc.heap_free(alloc.heap_alloc(layout{.bytes = 9000}));
        }
        take(alloc, 48, 50);
    }
    {
        auto const render = alloc.phase("render");
        take(alloc, 80, 7);
    }
    alloc.end_frame();

    auto const phases = alloc.phases();
    BOOST_TEST_REQUIRE(phases.size() == 5u);
    char const* const names[] = {"physics", "broad", "sort", "narrow", "render"};
    unsigned const depths[] = {0, 1, 2, 1, 0};
    unsigned const parents[] = {phase_stats::no_parent, 0, 1, 0, phase_stats::no_parent};
    for (std::size_t i = 0; i < 5; ++i) {
        BOOST_TEST(phases[i].name == std::string(names[i]));
        BOOST_TEST(phases[i].depth == depths[i]);
        BOOST_TEST(phases[i].parent == parents[i]);
        BOOST_TEST(phases[i].entries == 1u);
    }
    phase_figures const physics_self{.frame_bytes = 208, .nanoseconds = 60,
                                     .operations = {.frame_allocations = 2, .frame_requested_bytes = 208}};
    phase_figures const broad_self{.frame_bytes = 320, .nanoseconds = 200,
                                   .operations = {.frame_allocations = 1, .frame_requested_bytes = 320,
                                                  .pool_allocations = 1, .pool_frees = 1, .pool_requested_bytes = 4}};
    phase_figures const sort{.frame_bytes = 32, .nanoseconds = 3,
                             .operations = {.frame_allocations = 1, .frame_requested_bytes = 32}};
    phase_figures const narrow{.frame_bytes = 640, .nanoseconds = 4000,
                               .operations = {.frame_allocations = 1, .frame_requested_bytes = 640,
                                              .heap_allocations = 1, .heap_frees = 1, .heap_requested_bytes = 9000}};
    phase_figures const render{.frame_bytes = 80, .nanoseconds = 7,
                               .operations = {.frame_allocations = 1, .frame_requested_bytes = 80}};
    phase_figures broad_total = broad_self;
    broad_total += sort;
    phase_figures physics_total = physics_self;
    physics_total += broad_total;
    physics_total += narrow;
    BOOST_TEST((phases[0].self == physics_self && phases[0].total == physics_total));
    BOOST_TEST((phases[1].self == broad_self && phases[1].total == broad_total));
    BOOST_TEST((phases[2].self == sort && phases[2].total == sort));
    BOOST_TEST((phases[3].self == narrow && phases[3].total == narrow));
    BOOST_TEST((phases[4].self == render && phases[4].total == render));
}

BOOST_AUTO_TEST_CASE(a_phase_of_the_same_name_in_the_same_phase_goes_on_and_elsewhere_it_is_another)
{
    timed_alloc alloc;
    std::string const same_text = "draw";  // at another address than the literal
    alloc.begin_frame();
    for (int i = 0; i < 10; ++i) {
        auto const ui = alloc.phase("ui");
        auto const draw = alloc.phase(i % 2 == 0 ? "draw" : same_text.c_str());
        take(alloc, 16, 2);
    }
    {
        auto const draw = alloc.phase("draw");
        take(alloc, 32, 1);
    }
    frame_summary const summary = alloc.end_frame();
    BOOST_TEST_REQUIRE(summary.phases.size() == 3u);
    BOOST_TEST(summary.phases[1].name == std::string("draw"));
    BOOST_TEST(summary.phases[1].entries == 10u);
    BOOST_TEST(summary.phases[1].total.nanoseconds == 20u);
    BOOST_TEST(summary.phases[1].parent == 0u);
    BOOST_TEST(summary.phases[0].entries == 10u);
    BOOST_TEST(summary.phases[0].total.frame_bytes == 160);
    BOOST_TEST(summary.phases[0].self.frame_bytes == 0);
    BOOST_TEST(summary.phases[2].entries == 1u);
    BOOST_TEST(summary.phases[2].total.frame_bytes == 32);
    BOOST_TEST(summary.phases[2].parent == phase_stats::no_parent);
}

BOOST_AUTO_TEST_CASE(a_phase_inside_itself_is_a_phase_of_its_own)
{
    timed_alloc alloc;
    alloc.begin_frame();
    auto const visit = [&](auto& self, int depth) -> void {
        auto const p = alloc.phase("visit");
        take(alloc, 16, 1);
        if (depth > 1) self(self, depth - 1);
    };
    visit(visit, 4);
    visit(visit, 2);
    alloc.end_frame();
    auto const phases = alloc.phases();
    BOOST_TEST_REQUIRE(phases.size() == 4u);
    long long const totals[] = {6, 4, 2, 1};
    long long const selfs[] = {2, 2, 1, 1};
    for (std::size_t i = 0; i < 4; ++i) {
        BOOST_TEST(phases[i].depth == i);
        BOOST_TEST(phases[i].total.frame_bytes == 16 * totals[i]);
        BOOST_TEST(phases[i].self.frame_bytes == 16 * selfs[i]);
    }
}

BOOST_AUTO_TEST_CASE(a_roll_back_gives_its_bytes_back_to_the_phase_that_it_happens_in)
{
    timed_alloc alloc;
    alloc.begin_frame();
    auto const before = alloc.checkpoint();  // 64 bytes
    static_cast<void>(alloc.frame_alloc(layout{.bytes = 1600}));
    {
        auto const tries = alloc.phase("tries");
        auto const mark = alloc.checkpoint();
        static_cast<void>(alloc.frame_alloc(layout{.bytes = 100'000}));  // in another chunk
        alloc.rollback(mark);
        static_cast<void>(alloc.frame_alloc(layout{.bytes = 48}));
    }
    {
        auto const gives_up = alloc.phase("gives up");
        static_cast<void>(alloc.frame_alloc(layout{.bytes = 32}));
        std::size_t const used = alloc.stats().frame_bytes_used;
        BOOST_TEST(used == 64u + 1600 + 48 + 32);
        alloc.rollback(before);
    }
    alloc.end_frame();
    BOOST_TEST(named(alloc.phases(), "tries").total.frame_bytes == 48);
    BOOST_TEST(named(alloc.phases(), "tries").total.operations.frame_requested_bytes == sizeof(detail::frame_mark) + 100'048);
    BOOST_TEST(named(alloc.phases(), "gives up").total.frame_bytes == -(64 + 1600 + 48));
}

BOOST_AUTO_TEST_CASE(phases_between_two_frames_belong_to_the_later_one)
{
    timed_alloc alloc;
    alloc.begin_frame();
    { auto const p = alloc.phase("one"); }
    alloc.end_frame();
    {
        auto const p = alloc.phase("between");
        static_cast<void>(alloc.pool_box<int>(1));
        fake_clock::pass(9);
    }
    BOOST_TEST(alloc.phases().size() == 1u);  // still those of the first
    alloc.begin_frame();
    { auto const p = alloc.phase("two"); }
    alloc.end_frame();
    auto const phases = alloc.phases();
    BOOST_TEST_REQUIRE(phases.size() == 2u);
    BOOST_TEST(phases[0].name == std::string("between"));
    BOOST_TEST(phases[0].total.nanoseconds == 9u);
    BOOST_TEST(phases[0].total.operations.pool_allocations == 1u);
    BOOST_TEST(phases[0].total.frame_bytes == 0);
    BOOST_TEST(phases[1].name == std::string("two"));
    alloc.begin_frame();
    alloc.end_frame();
    BOOST_TEST(alloc.phases().empty());
}

BOOST_AUTO_TEST_CASE(the_phases_of_a_frame_stay_until_the_next_one_has_ended)
{
    timed_alloc alloc;
    alloc.begin_frame();
    { auto const p = alloc.phase("first"); take(alloc, 16, 1); }
    frame_summary const first = alloc.end_frame();
    alloc.begin_frame();
    for (int i = 0; i < 5; ++i) { auto const p = alloc.phase("second"); take(alloc, 320, 1); }
    BOOST_TEST_REQUIRE(first.phases.size() == 1u);
    BOOST_TEST(first.phases[0].name == std::string("first"));
    BOOST_TEST(first.phases[0].total.frame_bytes == 16);
    alloc.end_frame();
    BOOST_TEST(alloc.phases()[0].name == std::string("second"));
}

BOOST_AUTO_TEST_CASE(phases_that_find_no_place_are_one_and_nothing_is_lost)
{
    timed_alloc alloc;
    std::vector<std::string> names;
    for (int i = 0; i < 100; ++i) names.push_back("phase " + std::to_string(i));
    for (int frame = 0; frame < 3; ++frame) {  // each begins with free places
        alloc.begin_frame();
        {
            auto const around = alloc.phase("around");
            for (std::string const& name : names) {
                auto const p = alloc.phase(name.c_str());
                take(alloc, 16, 5);
                auto const inner = alloc.phase("inner");
                take(alloc, 32, 7);
                if (name == "phase 99") {
                    auto const innermost = alloc.phase("innermost");
                    take(alloc, 64, 1);
                }
            }
        }
        alloc.end_frame();
        auto const phases = alloc.phases();
        BOOST_TEST_REQUIRE(phases.size() == 64u);
        phase_figures selfs;
        for (phase_stats const& p : phases) selfs += p.self;
        BOOST_TEST(phases[0].total.frame_bytes == 48 * 100 + 64);
        BOOST_TEST((selfs == phases[0].total));
        BOOST_TEST(phases[0].self.frame_bytes == 0);
        // 31 with their inner ones have found places beside "around": 62 places of 63.
        phase_stats const& more = phases[63];
        BOOST_TEST(more.name == std::string("(more)"));
        BOOST_TEST(more.parent == phase_stats::no_parent);
        BOOST_TEST(more.entries == 2u * 69 + 1);
        BOOST_TEST(more.total.frame_bytes == 48 * 69 + 64);
        BOOST_TEST((more.self == more.total));
    }
    alloc.begin_frame();
    { auto const p = alloc.phase("few"); }
    alloc.end_frame();
    BOOST_TEST(alloc.phases().size() == 1u);
}

BOOST_AUTO_TEST_CASE(a_phase_left_before_a_later_one_is_named_and_both_are_left)
{
    test::fault_recorder const faults;
    timed_alloc alloc;
    alloc.begin_frame();
    {
        auto const around = alloc.phase("around");
        using phase = phase_of<timed_alloc>;
        auto outer = std::unique_ptr<phase>(new phase(alloc.phase("outer")));
        auto inner = std::unique_ptr<phase>(new phase(alloc.phase("inner")));
        take(alloc, 16, 10);
        outer.reset();
        BOOST_TEST(faults.count() == 1u);
        BOOST_TEST(faults.last() == fault_code::phase_out_of_order);
        take(alloc, 32, 100);  // in "around" alone
        auto const next = alloc.phase("next");
        inner.reset();  // has been left, and takes nothing with it
        take(alloc, 64, 1000);
        BOOST_TEST(faults.count() == 1u);
    }
    alloc.end_frame();
    auto const phases = alloc.phases();
    BOOST_TEST(named(phases, "outer").total.frame_bytes == 16);
    BOOST_TEST(named(phases, "inner").total.frame_bytes == 16);
    BOOST_TEST(named(phases, "around").self.frame_bytes == 32);
    BOOST_TEST(named(phases, "around").self.nanoseconds == 100u);
    BOOST_TEST(named(phases, "next").total.frame_bytes == 64);
    BOOST_TEST(named(phases, "next").total.nanoseconds == 1000u);
    BOOST_TEST(faults.count() == 1u);
}

BOOST_AUTO_TEST_CASE(a_phase_left_before_a_later_one_is_named_among_those_without_a_place_too)
{
    test::fault_recorder const faults;
    timed_alloc alloc;
    using phase = phase_of<timed_alloc>;
    std::vector<std::string> names;
    for (int i = 0; i < 63; ++i) names.push_back("phase " + std::to_string(i));
    alloc.begin_frame();
    for (std::string const& name : names) { auto const p = alloc.phase(name.c_str()); }
    auto outer = std::unique_ptr<phase>(new phase(alloc.phase("outer")));
    auto inner = std::unique_ptr<phase>(new phase(alloc.phase("inner")));
    take(alloc, 16, 1);
    outer.reset();
    BOOST_TEST(faults.last() == fault_code::phase_out_of_order);
    inner.reset();
    take(alloc, 32, 1);  // in none
    {
        // One that has a place is left while one that has none is open.
        auto known = std::unique_ptr<phase>(new phase(alloc.phase("phase 7")));
        auto more = std::unique_ptr<phase>(new phase(alloc.phase("another")));
        take(alloc, 64, 1);
        std::size_t const before = faults.count();
        known.reset();
        BOOST_TEST(faults.count() == before + 1);
        take(alloc, 128, 1);
        more.reset();
        BOOST_TEST(faults.count() == before + 1);
    }
    alloc.end_frame();
    auto const phases = alloc.phases();
    BOOST_TEST(named(phases, "(more)").total.frame_bytes == 16 + 64);
    BOOST_TEST(named(phases, "(more)").entries == 3u);
    BOOST_TEST(named(phases, "phase 7").total.frame_bytes == 64);
    BOOST_TEST(named(phases, "phase 7").self.frame_bytes == 0);
}

BOOST_AUTO_TEST_CASE(a_phase_that_the_end_of_its_frame_finds_open_is_left_there_and_named)
{
    test::fault_recorder const faults;
    timed_alloc alloc;
    alloc.begin_frame();
    {
        auto const late = alloc.phase("late");
        auto const later = alloc.phase("later");
        take(alloc, 160, 30);
        frame_summary const summary = alloc.end_frame();
        BOOST_TEST(faults.count() == 1u);  // once for both
        BOOST_TEST(faults.last() == fault_code::phase_left_open);
        BOOST_TEST(faults.last_text().find("2 were open") != std::string::npos);
        BOOST_TEST(!faults.last_would_stop());
        BOOST_TEST(named(summary.phases, "late").total.frame_bytes == 160);
        BOOST_TEST(named(summary.phases, "later").total.nanoseconds == 30u);
        fake_clock::pass(1000);
        alloc.begin_frame();
        take(alloc, 16, 1);
    }
    BOOST_TEST(faults.count() == 1u);
    { auto const p = alloc.phase("in time"); take(alloc, 48, 1); }
    alloc.end_frame();
    BOOST_TEST(faults.count() == 1u);
    BOOST_TEST_REQUIRE(alloc.phases().size() == 1u);
    BOOST_TEST(alloc.phases()[0].total.frame_bytes == 48);
}

BOOST_AUTO_TEST_CASE(the_end_of_a_scope_and_of_the_frame_of_all_name_open_phases_as_well)
{
    test::fault_recorder const faults;
    timed_alloc alloc;
    {
        auto* const scope = new auto(alloc.frame_scope());
        auto const p = alloc.phase("p");
        delete scope;
        BOOST_TEST(faults.count() == 1u);
        BOOST_TEST(faults.last() == fault_code::phase_left_open);
    }
    alloc.begin_frame_all();
    static_cast<void>(alloc.frame_alloc(layout{.bytes = 16}));
    {
        auto const p = alloc.phase("p");
        alloc.end_frame_all();
    }
    BOOST_TEST(faults.count() == 2u);
    BOOST_TEST(faults.last() == fault_code::phase_left_open);
}

BOOST_AUTO_TEST_CASE(at_the_checked_level_misuse_of_phases_would_stop_the_program)
{
    test::fault_recorder const faults;
    smart_alloc_debug alloc;
    alloc.begin_frame();
    {
        auto const p = alloc.phase("p");
        alloc.end_frame();
        BOOST_TEST(faults.last_would_stop());
    }
}

BOOST_AUTO_TEST_CASE(a_phase_left_on_another_thread_is_named_and_stays_where_it_is)
{
    test::fault_recorder const faults;
    timed_alloc alloc;
    using phase = phase_of<timed_alloc>;
    alloc.begin_frame();
    auto wandering = std::unique_ptr<phase>(new phase(alloc.phase("wandering")));
    take(alloc, 16, 1);
    test::on_a_thread([&] {
        auto const own = alloc.phase("own");
        wandering.reset();
        BOOST_TEST(faults.count() == 1u);
        BOOST_TEST(faults.last() == fault_code::phase_out_of_order);
    });
    take(alloc, 32, 1);
    alloc.end_frame();  // which finds it open
    BOOST_TEST(faults.count() == 2u);
    BOOST_TEST(faults.last() == fault_code::phase_left_open);
    BOOST_TEST_REQUIRE(alloc.phases().size() == 1u);
    BOOST_TEST(alloc.phases()[0].total.frame_bytes == 48);
}

BOOST_AUTO_TEST_CASE(threads_have_phases_of_their_own)
{
    timed_alloc alloc;
    test::on_threads(8, [&](std::size_t thread) {
        for (std::size_t frame = 0; frame < test::repetitions(200, 50); ++frame) {
            alloc.begin_frame();
            {
                auto const p = alloc.phase("work");
                for (std::size_t i = 0; i <= thread; ++i) static_cast<void>(alloc.frame_alloc(layout{.bytes = 16}));
            }
            frame_summary const summary = alloc.end_frame();
            if (summary.phases.size() != 1 || summary.phases[0].total.frame_bytes != static_cast<long long>(16 * (thread + 1))) {
                BOOST_TEST(false, "thread " << thread << " has other phases than its own");
                return;
            }
        }
    });
}

BOOST_AUTO_TEST_CASE(a_handle_opens_phases_of_the_same_thread)
{
    timed_alloc alloc;
    auto ref = alloc.ref();
    alloc.begin_frame();
    {
        auto const outer = alloc.phase("outer");
        auto const inner = ref.phase("inner");
    }
    alloc.end_frame();
    BOOST_TEST_REQUIRE(alloc.phases().size() == 2u);
    BOOST_TEST(alloc.phases()[1].parent == 0u);
}

BOOST_AUTO_TEST_CASE(without_counters_a_phase_is_an_empty_object_and_there_are_none)
{
    zone_log log;
    profiler const* const before = set_profiler(&log.as_profiler);
    smart_alloc alloc;
    alloc.begin_frame();
    {
        auto const outer = alloc.phase("outer");
        auto const inner = alloc.phase("inner");
        alloc.end_frame();
    }
    BOOST_TEST(alloc.phases().empty());
    BOOST_TEST(alloc.stats().threads == 1u);
    set_profiler(before);
    BOOST_TEST(log.told.empty());
}

BOOST_AUTO_TEST_CASE(phases_are_zones_of_the_profiler)
{
    timed_alloc alloc;
    zone_log log;
    profiler const* const before = set_profiler(&log.as_profiler);
    alloc.begin_frame();
    {
        auto const a = alloc.phase("a");
        { auto const b = alloc.phase("b"); }
        { auto const c = alloc.phase("b"); }
    }
    alloc.end_frame();
    BOOST_TEST((set_profiler(before) == &log.as_profiler));
    { auto const d = alloc.phase("unheard"); }
    std::vector<std::string> const expected{"begin a", "begin b", "end", "begin b", "end", "end"};
    BOOST_TEST(log.told == expected, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(who_heard_a_zone_begin_hears_it_end)
{
    timed_alloc alloc;
    zone_log first, second;
    profiler const silent{};  // neither function
    profiler const* const before = set_profiler(&first.as_profiler);
    {
        auto const a = alloc.phase("a");
        set_profiler(&second.as_profiler);
        auto const b = alloc.phase("b");
        set_profiler(&silent);
        auto const c = alloc.phase("c");
        set_profiler(nullptr);
        auto const d = alloc.phase("d");
    }
    set_profiler(before);
    BOOST_TEST(first.told == (std::vector<std::string>{"begin a", "end"}), boost::test_tools::per_element());
    BOOST_TEST(second.told == (std::vector<std::string>{"begin b", "end"}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_profiler_may_use_the_allocator_that_calls_it)
{
    timed_alloc alloc;
    profiler const allocating{.zone_begin = [](char const*, void* a) noexcept {
                                  static_cast<void>(static_cast<timed_alloc*>(a)->try_frame_alloc(layout{.bytes = 16}));
                              },
                              .zone_end = [](void* a) noexcept {
                                  static_cast<timed_alloc*>(a)->heap_free(static_cast<timed_alloc*>(a)->try_heap_alloc({.bytes = 99}));
                              },
                              .context = &alloc};
    profiler const* const before = set_profiler(&allocating);
    alloc.begin_frame();
    {
        auto const outer = alloc.phase("outer");
        auto const inner = alloc.phase("inner");
        take(alloc, 320, 1);
    }
    alloc.end_frame();
    set_profiler(before);
    // What it takes for a zone belongs to what is around the zone.
    BOOST_TEST(named(alloc.phases(), "inner").total.frame_bytes == 320);
    BOOST_TEST(named(alloc.phases(), "inner").total.operations.heap_allocations == 0u);
    BOOST_TEST(named(alloc.phases(), "outer").total.frame_bytes == 336);
    BOOST_TEST(named(alloc.phases(), "outer").self.operations.heap_allocations == 1u);
    BOOST_TEST(alloc.frame_stats().bytes_used == 352u);
}

BOOST_AUTO_TEST_SUITE_END()
