// SPDX-License-Identifier: MIT OR Apache-2.0
#include "support/faults.hpp"
#include "support/rerun.hpp"
#include "support/test.hpp"

#include <framealloc/diagnostics/macros.hpp>
#include <framealloc/diagnostics/strict_mode.hpp>

#include <string>
#include <thread>

using namespace framealloc;

namespace {

void report_of(fault_level level) {
    emit({.level = level, .code = "TEST001", .message = "something", .note = "provoked", .help = "none needed"});
}

/// How a child ends in which `body` runs, with the handler in place from the start.
template <class F>
test::child_result in_child(F&& body) {
    return test::run_in_child([&] {
        set_fault_handler(nullptr);
        body();
        return 0;
    });
}

/// Leaves by the process's mode, which other tests may have had read already.
struct mode_put_back {
    strict_mode_guard guard{strict_mode::off, strict_action::abort, strict_reach::process};
};

fault_action let_pass(fault const&) { return fault_action::go_on; }
fault_action obey(fault const& f) { return f.stops ? fault_action::stop : fault_action::go_on; }

}  // namespace

// What the children of the cases about the environment do: each in a process that has reported nothing before.
BOOST_AUTO_TEST_SUITE(strict_mode_children, *boost::unit_test::disabled())

BOOST_AUTO_TEST_CASE(a_note) { report_of(fault_level::note); }
BOOST_AUTO_TEST_CASE(a_warning) { report_of(fault_level::warning); }
BOOST_AUTO_TEST_CASE(an_error) { report_of(fault_level::error); }
BOOST_AUTO_TEST_CASE(two_errors) {
    report_of(fault_level::error);
    report_of(fault_level::error);
}
BOOST_AUTO_TEST_CASE(an_error_after_the_variable_has_changed) {
    report_of(fault_level::note);
    ::setenv("FRAMEALLOC_STRICT", "all", 1);
    report_of(fault_level::error);
}
BOOST_AUTO_TEST_CASE(an_error_of_a_program_that_has_said_off) {
    set_strict_mode(strict_mode::off);
    report_of(fault_level::error);
}
BOOST_AUTO_TEST_CASE(a_misuse_at_the_checked_level) {
    smart_alloc_debug alloc;
    alloc.end_frame();
}
BOOST_AUTO_TEST_CASE(a_misuse_of_a_release_assembly) {
    smart_alloc alloc;
    alloc.end_frame();
}
BOOST_AUTO_TEST_CASE(no_report) {
    smart_alloc alloc;
    alloc.begin_frame();
    alloc.end_frame();
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(strict_modes)

BOOST_AUTO_TEST_CASE(the_environment_says_which_levels_stop_a_program)
{
    struct row {
        char const* value;
        bool note, warning, error;
    };
    for (row const r : {row{nullptr, false, false, false}, row{"", false, false, false}, row{"off", false, false, false},
                        row{"warn", false, false, false}, row{"error", false, false, true},
                        row{"warning", false, true, true}, row{"all", true, true, true}}) {
        BOOST_TEST_CONTEXT("FRAMEALLOC_STRICT is " << (r.value != nullptr ? r.value : "not there")) {
            auto const ends = [&](char const* test_case, bool stops) {
                auto const child =
                    test::rerun((std::string{"strict_mode_children/"} + test_case).c_str(), "FRAMEALLOC_STRICT", r.value);
                BOOST_TEST(child.says("TEST001"), child.error_text);  // what stops is printed as well
                BOOST_TEST(child.aborted() == stops, test_case);
                BOOST_TEST(child.succeeded() == !stops, test_case);
                BOOST_TEST(!child.says("FA902"));
            };
            ends("a_note", r.note);
            ends("a_warning", r.warning);
            ends("an_error", r.error);
        }
    }
}

BOOST_AUTO_TEST_CASE(a_value_that_is_none_is_reported_once_and_is_off)
{
    for (char const* const value : {"bogus", "Error", "errors", "on_error", " all", "0"}) {
        BOOST_TEST_CONTEXT("FRAMEALLOC_STRICT is " << value) {
            auto const child = test::rerun("strict_mode_children/two_errors", "FRAMEALLOC_STRICT", value);
            BOOST_TEST(child.succeeded());
            std::string const shown =
                "FRAMEALLOC_STRICT is \"" + std::string{value} + "\"; expected off, warn, error, warning or all";
            std::size_t const first = child.error_text.find("[framealloc][FA902]");
            BOOST_TEST(first == 0u);  // before the first diagnostic
            BOOST_TEST(child.error_text.find("[framealloc][FA902]", 1) == std::string::npos);
            BOOST_TEST(child.says(shown.c_str()), child.error_text);
            BOOST_TEST(child.says("TEST001"));
        }
    }
}

BOOST_AUTO_TEST_CASE(the_environment_is_read_once)
{
    auto const child =
        test::rerun("strict_mode_children/an_error_after_the_variable_has_changed", "FRAMEALLOC_STRICT", "off");
    BOOST_TEST(child.succeeded());
}

BOOST_AUTO_TEST_CASE(a_program_that_reports_nothing_does_not_look_at_the_environment)
{
    auto const child = test::rerun("strict_mode_children/no_report", "FRAMEALLOC_STRICT", "bogus");
    BOOST_TEST(child.succeeded());
    BOOST_TEST(child.error_text == "");
}

BOOST_AUTO_TEST_CASE(what_the_program_sets_goes_before_the_environment)
{
    auto const child =
        test::rerun("strict_mode_children/an_error_of_a_program_that_has_said_off", "FRAMEALLOC_STRICT", "all");
    BOOST_TEST(child.succeeded());
}

BOOST_AUTO_TEST_CASE(warn_lets_a_checked_program_go_on_and_error_stops_a_release_program)
{
    auto const with = [](char const* test_case, char const* value) {
        return test::rerun(test_case, "FRAMEALLOC_STRICT", value);
    };
    BOOST_TEST(with("strict_mode_children/a_misuse_at_the_checked_level", "off").aborted());
    BOOST_TEST(with("strict_mode_children/a_misuse_at_the_checked_level", "warn").succeeded());
    BOOST_TEST(with("strict_mode_children/a_misuse_of_a_release_assembly", "off").succeeded());
    BOOST_TEST(with("strict_mode_children/a_misuse_of_a_release_assembly", "error").aborted());
}

BOOST_AUTO_TEST_CASE(a_warning_under_on_warning_aborts_whatever_the_handler_answers)
{
    auto const aborts = in_child([] {
        set_fault_handler(&let_pass);
        set_strict_mode(strict_mode::on_warning);
        report_of(fault_level::warning);
    });
    BOOST_TEST(aborts.aborted());
}

BOOST_AUTO_TEST_CASE(a_sink_that_drops_everything_does_not_take_a_strict_mode_away)
{
    auto const silent = in_child([] {
        set_diagnostic_sink([](char const*, std::size_t) noexcept {});
        set_strict_mode(strict_mode::on_error);
        report_of(fault_level::error);
    });
    BOOST_TEST(silent.aborted());
    BOOST_TEST(silent.error_text == "");
}

BOOST_AUTO_TEST_CASE(the_action_may_be_left_to_the_handler)
{
    auto const left_to = [](fault_handler handler) {
        return in_child([=] {
            set_fault_handler(handler);
            set_strict_mode(strict_mode::on_error, strict_action::handler);
            report_of(fault_level::warning);  // not the mode's: f.stops stays false
            report_of(fault_level::error);
        });
    };
    BOOST_TEST(left_to(&let_pass).succeeded());
    BOOST_TEST(left_to(&obey).aborted());
    BOOST_TEST(left_to(nullptr).aborted());
}

#if FRAMEALLOC_EXCEPTIONS
BOOST_AUTO_TEST_CASE(the_action_may_be_to_throw_after_the_handler_has_seen_the_report)
{
    test::fault_recorder const faults;
    strict_mode_guard const strict{strict_mode::on_error, strict_action::throw_exception};
    report_of(fault_level::warning);
    smart_alloc_debug alloc;
    try {
        alloc.end_frame();
        BOOST_TEST(false, "it went on");
    } catch (strict_violation const& e) {
        BOOST_TEST(e.code() == fault_code::frame_not_begun);
        BOOST_TEST((e.level() == fault_level::error));
        BOOST_TEST(std::string{e.what()} == faults.last_text());
    }
    BOOST_TEST(faults.count() == 2u);
    BOOST_TEST(!faults.last_would_stop());  // it is the exception that ends the call
    alloc.begin_frame();                    // and the allocator goes on
    alloc.end_frame();
}

BOOST_AUTO_TEST_CASE(a_guard_ends_when_an_exception_passes_through)
{
    test::fault_recorder const faults;
    try {
        strict_mode_guard const strict{strict_mode::all, strict_action::throw_exception};
        report_of(fault_level::note);
        BOOST_TEST(false, "it went on");
    } catch (strict_violation const&) {
    }
    report_of(fault_level::note);
    BOOST_TEST(faults.count() == 2u);
}
#endif

BOOST_AUTO_TEST_CASE(guards_nest_and_restore)
{
    mode_put_back const whole;
    BOOST_TEST((present_strict_mode() == strict_mode::off));
    {
        strict_mode_guard const outer{strict_mode::on_error};
        BOOST_TEST((present_strict_mode() == strict_mode::on_error));
        {
            strict_mode_guard const inner{strict_mode::all};
            BOOST_TEST((present_strict_mode() == strict_mode::all));
        }
        BOOST_TEST((present_strict_mode() == strict_mode::on_error));
    }
    BOOST_TEST((present_strict_mode() == strict_mode::off));
}

BOOST_AUTO_TEST_CASE(a_guard_is_for_its_thread_and_one_for_the_process_is_for_the_others)
{
    mode_put_back const whole;
    strict_mode_guard const mine{strict_mode::warn};
    strict_mode_guard const everyones{strict_mode::on_warning, strict_action::abort, strict_reach::process};
    BOOST_TEST((present_strict_mode() == strict_mode::warn));
    strict_mode other{};
    std::thread{[&] { other = present_strict_mode(); }}.join();
    BOOST_TEST((other == strict_mode::on_warning));
}

BOOST_AUTO_TEST_CASE(parallel_tests_do_not_disturb_each_other)
{
    mode_put_back const whole;
    test::fault_recorder const faults;
    auto const work = [](strict_mode mode) {
        for (int i = 0; i < 200; ++i) {
            strict_mode_guard const guard{mode, strict_action::handler};
            report_of(fault_level::warning);
            if (present_strict_mode() != mode) std::abort();
        }
    };
    std::thread one{work, strict_mode::on_error}, two{work, strict_mode::warn};
    one.join();
    two.join();
    BOOST_TEST(faults.count() == 400u);
}

BOOST_AUTO_TEST_SUITE_END()
