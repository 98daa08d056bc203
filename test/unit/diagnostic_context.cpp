// SPDX-License-Identifier: MIT OR Apache-2.0
#include "support/faults.hpp"
#include "support/test.hpp"

#include <framealloc/budget/per_tag.hpp>
#include <framealloc/diagnostics/context.hpp>
#include <framealloc/tag.hpp>
#include <framealloc/tag_budgets.hpp>

#include <pthread.h>
#include <string>
#include <thread>

// Where a program stands, as diagnostics show it: every field true, on the main thread and on others.

using namespace framealloc;

namespace {

constexpr allocation_tag contacts{"physics/contacts"};
using game_alloc = basic_smart_alloc<diagnostics::checked, budget::per_tag>;

std::string text_of(fault_place const& place) {
    char text[512];
    place.write(place, text, sizeof text);
    return text;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(diagnostic_context)

BOOST_AUTO_TEST_CASE(it_knows_the_instance_by_number_and_name)
{
    smart_alloc first{alloc_config{.name = "first"}}, second;
    auto const one = first.pool_box<int>(1), two = second.pool_box<int>(2);
    auto const a = diag_context::capture(first), b = diag_context::capture(second);
    BOOST_TEST(std::string{a.instance_name} == "first");
    BOOST_TEST((b.instance_name == nullptr));
    BOOST_TEST((a.instance != 0 && b.instance != 0 && a.instance != b.instance));
    BOOST_TEST(a.instance == diag_context::capture(first).instance);
}

BOOST_AUTO_TEST_CASE(it_counts_the_frames_and_knows_whether_one_is_open)
{
    smart_alloc alloc;
    auto const before = diag_context::capture(alloc);
    BOOST_TEST((!before.frame_active && before.frame_number == 0));
    for (unsigned frame = 1; frame <= 3; ++frame) {
        alloc.begin_frame();
        auto const in = diag_context::capture(alloc);
        BOOST_TEST((in.frame_active && in.frame_number == frame));
        alloc.end_frame();
        auto const after = diag_context::capture(alloc);
        BOOST_TEST((!after.frame_active && after.frame_number == frame));
    }
}

BOOST_AUTO_TEST_CASE(each_thread_has_its_own_frame_number_and_name)
{
    smart_alloc alloc;
    alloc.begin_frame();
    alloc.end_frame();
    alloc.begin_frame();
    auto const here = diag_context::capture(alloc);
    diag_context there, idle;
    std::thread{[&] {
        ::pthread_setname_np(::pthread_self(), "loader");
        idle = diag_context::capture(alloc);
        alloc.begin_frame();
        there = diag_context::capture(alloc);
        alloc.end_frame();
    }}.join();
    alloc.end_frame();
    BOOST_TEST((idle.frame_number == 0 && !idle.frame_active && idle.thread == 0));
    BOOST_TEST((here.frame_number == 2 && there.frame_number == 1 && there.frame_active));
    BOOST_TEST((there.thread != 0 && there.thread != here.thread));
    BOOST_TEST(there.system_thread != here.system_thread);
    BOOST_TEST(std::string{there.thread_name} == "loader");
    BOOST_TEST((here.main_thread && !there.main_thread));
    BOOST_TEST(here.instance == there.instance);
}

BOOST_AUTO_TEST_CASE(a_frame_of_all_threads_is_active_where_it_was_joined)
{
    smart_alloc alloc;
    alloc.begin_frame_all();
    BOOST_TEST(!diag_context::capture(alloc).frame_active);
    static_cast<void>(alloc.frame_alloc<int>());
    BOOST_TEST(diag_context::capture(alloc).frame_active);
    alloc.end_frame_all();
    BOOST_TEST(!diag_context::capture(alloc).frame_active);
}

BOOST_AUTO_TEST_CASE(it_knows_tag_and_phase)
{
    game_alloc alloc;
    alloc.begin_frame();
    BOOST_TEST(std::string{diag_context::capture(alloc).tag_path} == "(untagged)");
    BOOST_TEST((diag_context::capture(alloc).phase == nullptr));
    {
        auto const tag = alloc.tag_scope(contacts);
        auto const outer = alloc.phase("update");
        {
            auto const inner = alloc.phase("collide");
            BOOST_TEST(std::string{diag_context::capture(alloc).phase} == "collide");
        }
        auto const in = diag_context::capture(alloc);
        BOOST_TEST(std::string{in.tag_path} == "physics/contacts");
        BOOST_TEST(std::string{in.phase} == "update");
    }
    BOOST_TEST((diag_context::capture(alloc).phase == nullptr));
    alloc.end_frame();
    smart_alloc plain;
    auto const p = plain.pool_box<int>(1);
    auto const without = diag_context::capture(plain);
    BOOST_TEST((without.tag_path == nullptr && without.phase == nullptr));
}

BOOST_AUTO_TEST_CASE(without_an_instance_it_finds_the_one_whose_frame_is_open)
{
    std::thread{[] {
        auto const none = diag_context::capture();
        BOOST_TEST((none.instance == 0 && !none.frame_active && none.frame_number == 0));
        smart_alloc older{alloc_config{.name = "older"}}, newer{alloc_config{.name = "newer"}};
        older.begin_frame();
        older.end_frame();
        older.begin_frame();
        newer.begin_frame();
        newer.end_frame();
        auto const open = diag_context::capture();
        BOOST_TEST(std::string{open.instance_name} == "older");
        BOOST_TEST((open.frame_active && open.frame_number == 2));
        older.end_frame();
        auto const closed = diag_context::capture();
        BOOST_TEST(std::string{closed.instance_name} == "newer");
        BOOST_TEST((!closed.frame_active && closed.frame_number == 1));
    }}.join();
}

BOOST_AUTO_TEST_CASE(it_works_beyond_the_slots_of_a_thread_and_for_an_instance_of_one_thread)
{
    std::thread{[] {
        smart_alloc many[20];
        for (smart_alloc& a : many) a.begin_frame();
        auto const last = diag_context::capture();
        BOOST_TEST((last.frame_active && last.instance == diag_context::capture(many[19]).instance));
        for (smart_alloc& a : many) a.end_frame();

        smart_alloc_single_threaded alone{alloc_config{.name = "alone"}};
        alone.begin_frame();
        auto const c = diag_context::capture(alone);
        BOOST_TEST((c.frame_active && c.frame_number == 1 && std::string{c.instance_name} == "alone"));
        alone.end_frame();
    }}.join();
}

BOOST_AUTO_TEST_CASE(an_engine_is_active_while_its_adapter_says_so)
{
    BOOST_TEST(!diag_context::capture().engine_active);
    {
        engine_active_scope const outer;
        BOOST_TEST(diag_context::capture().engine_active);
        { engine_active_scope const inner; }
        BOOST_TEST(diag_context::capture().engine_active);
        std::thread{[] { BOOST_TEST(diag_context::capture().engine_active); }}.join();
    }
    BOOST_TEST(!diag_context::capture().engine_active);
    BOOST_TEST(!set_engine_active(true));
    BOOST_TEST(set_engine_active(false));
}

BOOST_AUTO_TEST_CASE(its_line_shows_what_is_known)
{
    game_alloc alloc{alloc_config{.name = "level"}};
    std::string line, other;
    std::thread{[&] {
        ::pthread_setname_np(::pthread_self(), "loader");
        for (int i = 0; i < 17; ++i) {
            alloc.begin_frame();
            if (i == 16) {
                auto const tag = alloc.tag_scope(contacts);
                auto const phase = alloc.phase("update");
                engine_active_scope const engine;
                auto const c = diag_context::capture(alloc);
                line = text_of(c);
                other = "  where: allocator 'level' (instance " + std::to_string(c.instance) + "), thread " +
                        std::to_string(c.thread) +
                        " 'loader', frame 17, tag physics/contacts, phase update, engine active\n";
            }
            alloc.end_frame();
        }
    }}.join();
    BOOST_TEST(line == other);
}

BOOST_AUTO_TEST_CASE(a_checked_report_says_where_and_a_release_report_does_not)
{
    test::fault_recorder const faults;
    game_alloc checked{alloc_config{.name = "level"}};
    checked.begin_frame();
    {
        auto const tag = checked.tag_scope(contacts);
        checked.begin_frame();
    }
    BOOST_TEST(faults.last_text().find("frame 1, tag physics/contacts\n") != std::string::npos, faults.last_text());
    void* const block = checked.heap_alloc(layout{.bytes = 64});
    checked.heap_free(block);
    checked.heap_free(block);
    BOOST_TEST(faults.last_text().find("\n  where: allocator 'level' (instance ") != std::string::npos);
    checked.end_frame();
    smart_alloc release;
    release.end_frame();
    BOOST_TEST(faults.last_text().find("where:") == std::string::npos);
}

BOOST_AUTO_TEST_CASE(long_names_are_cut_and_the_line_stays_whole)
{
    static std::string const name(500, 'x');
    smart_alloc alloc{alloc_config{.name = name.c_str()}};
    auto const b = alloc.pool_box<int>(1);
    std::string const line = text_of(diag_context::capture(alloc));
    BOOST_TEST((line.size() < 300 && line.back() == '\n'));
}

BOOST_AUTO_TEST_SUITE_END()
