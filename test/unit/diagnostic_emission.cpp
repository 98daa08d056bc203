// SPDX-License-Identifier: MIT OR Apache-2.0
#include "support/faults.hpp"
#include "support/test.hpp"

#include <framealloc/diagnostics/macros.hpp>

#include <source_location>
#include <string>

// What programs report themselves.

using namespace framealloc;

namespace {

/// The line of a report that shows `line` of this file, in `function`.
std::string at(unsigned line, char const* function) {
    return std::string{"  at: "} + __FILE__ + ":" + std::to_string(line) + ", in " + function + "\n";
}
bool has(std::string const& text, std::string const& part) { return text.find(part) != std::string::npos; }

}  // namespace

BOOST_AUTO_TEST_SUITE(diagnostic_emission)

BOOST_AUTO_TEST_CASE(a_diagnostic_of_the_programs_own_is_reported_as_ours_are)
{
    test::fault_recorder const faults;
    auto const here = std::source_location::current();
    FA_DIAGNOSTIC(error, .code = "GAME001", .message = "level without a floor", .note = "in level 3", .help = "draw one");
    BOOST_TEST(faults.last_text() == "[framealloc][GAME001] error: level without a floor\n"
                                     "  note: in level 3\n" + at(here.line() + 1, here.function_name()) +
                                         "  help: draw one\n");
    BOOST_TEST((faults.last() == fault_code::user_defined));
    BOOST_TEST(!faults.last_would_stop());
}

BOOST_AUTO_TEST_CASE(it_has_the_level_that_it_says)
{
    test::fault_recorder const faults;
    FA_DIAGNOSTIC(note, .code = "GAME002", .message = "m");
    BOOST_TEST(faults.last_text().starts_with("[framealloc][GAME002] note: m\n"));
    FA_DIAGNOSTIC(warning, .code = "GAME002", .message = "m");
    BOOST_TEST(faults.last_text().starts_with("[framealloc][GAME002] warning: m\n"));
    emit({.code = "GAME002", .message = "m"});
    BOOST_TEST(faults.last_text().starts_with("[framealloc][GAME002] error: m\n"));
}

BOOST_AUTO_TEST_CASE(a_code_of_ours_with_other_words_is_still_that_code)
{
    test::fault_recorder const faults;
    FA_DIAGNOSTIC(error, .code = "FA001", .message = "particles made outside a frame", .help = "make them in update()");
    BOOST_TEST((faults.last() == fault_code::frame_not_open));
    BOOST_TEST(faults.last_text().starts_with("[framealloc][FA001] error: particles made outside a frame\n"));
    for (char const* const none : {"FA777", "FA1", "FA0010", "fa001", "XA001", "FA 01"}) {
        FA_DIAGNOSTIC(error, .code = none, .message = "m");
        BOOST_TEST((faults.last() == fault_code::user_defined), none);
    }
}

BOOST_AUTO_TEST_CASE(its_texts_are_printed_as_they_are_and_cut_where_they_are_long)
{
    test::fault_recorder const faults;
    FA_DIAGNOSTIC(error, .code = "100%", .message = "100%s of %n", .note = "50% and %llu%", .help = "%d%%");
    BOOST_TEST(has(faults.last_text(), "[framealloc][100%] error: 100%s of %n\n  note: 50% and %llu%\n"));
    BOOST_TEST(has(faults.last_text(), "\n  help: %d%%\n"));
    std::string const lots(2000, '%');
    FA_DIAGNOSTIC(error, .code = "LONG", .message = lots.c_str(), .note = lots.c_str(), .help = lots.c_str());
    BOOST_TEST(faults.last_text().starts_with("[framealloc][LONG] error: %%%%"));
    BOOST_TEST(has(faults.last_text(), "\n  note: %%%%"));
    BOOST_TEST(has(faults.last_text(), "\n  help: "));
    FA_DIAGNOSTIC(error, .code = lots.c_str(), .message = "", .note = "", .help = "");
    BOOST_TEST(faults.last_text().starts_with("[framealloc][%%%%"));
}

BOOST_AUTO_TEST_CASE(a_predefined_code_brings_its_texts)
{
    test::fault_recorder const faults;
    auto const here = std::source_location::current();
    FA_EMIT(FA001);
    BOOST_TEST(faults.last_text() == "[framealloc][FA001] error: frame allocation used outside an active frame\n"
                                     "  note: this allocation was requested when no frame was active\n" +
                                         at(here.line() + 1, here.function_name()) +
                                         "  help: call begin_frame() before allocating, hold a frame_scope(), or use "
                                         "pool_alloc() or heap_alloc()\n");
    BOOST_TEST((faults.last() == fault_code::frame_not_open));
}

BOOST_AUTO_TEST_CASE(every_code_of_the_table_can_be_emitted_by_its_name)
{
#define FRAMEALLOC_TEST_NAMED(name, number, level, message, cause, help)                              \
    {                                                                                                \
        char id[8];                                                                                  \
        std::snprintf(id, sizeof id, "FA%03u", unsigned(fault_code::name));                          \
        auto const* const row = detail::find_row(id);                                                \
        BOOST_TEST_REQUIRE((row != nullptr), id);                                                    \
        BOOST_TEST((row->code == fault_code::name), id);                                             \
    }
    FRAMEALLOC_FAULT_CODES(FRAMEALLOC_TEST_NAMED)
#undef FRAMEALLOC_TEST_NAMED
}

BOOST_AUTO_TEST_CASE(with_a_context_it_says_where_the_program_stands)
{
    test::fault_recorder const faults;
    smart_alloc alloc{alloc_config{.name = "arena"}};
    alloc.begin_frame();
    FA_EMIT_CTX(FA102);
    BOOST_TEST(has(faults.last_text(), "\n  where: allocator 'arena' (instance "));
    BOOST_TEST(has(faults.last_text(), ", frame 1, main thread\n"));
    auto const captured = diag_context::capture(alloc);
    alloc.end_frame();
    FA_EMIT_CTX(FA102, captured);  // as it was then
    BOOST_TEST(has(faults.last_text(), ", frame 1, main thread\n"));
    FA_EMIT_CTX(FA102);
    BOOST_TEST(has(faults.last_text(), ", after frame 1, main thread\n"));
    FA_EMIT(FA102);
    BOOST_TEST(!has(faults.last_text(), "where:"));
}

BOOST_AUTO_TEST_CASE(a_handler_gets_the_place_of_what_is_emitted_as_members)
{
    static unsigned long long frame;
    static bool active;
    smart_alloc alloc;
    auto const before = set_fault_handler([](fault const& f) {
        frame = f.place->frame_number;
        active = f.place->frame_active;
        return fault_action::go_on;
    });
    alloc.begin_frame();
    FA_EMIT_CTX(FA001);
    alloc.end_frame();
    set_fault_handler(before);
    BOOST_TEST((frame == 1 && active));
}

BOOST_AUTO_TEST_CASE(an_assertion_reports_where_its_condition_does_not_hold)
{
    test::fault_recorder const faults;
    FA_ASSERT(true, FA001);
    FA_ASSERT(2 > 1, FA001, diag_context::capture());
    BOOST_TEST(faults.count() == 0u);
    FA_ASSERT(1 > 2, FA001);
    BOOST_TEST(faults.count() == 1u);
    BOOST_TEST(!has(faults.last_text(), "where:"));
    auto const captured = diag_context::capture();
    FA_ASSERT(nullptr, FA401, captured);
    BOOST_TEST((faults.last() == fault_code::handle_not_live));
    BOOST_TEST(has(faults.last_text(), "where:"));
}

BOOST_AUTO_TEST_CASE(an_assertion_evaluates_its_condition_once_and_its_context_only_where_it_is_needed)
{
    test::fault_recorder const faults;
    int asked = 0, captured = 0;
    auto const capture = [&] {
        ++captured;
        return diag_context::capture();
    };
    FA_ASSERT(++asked == 1, FA001);
    BOOST_TEST(asked == 1);
    FA_ASSERT(++asked == 7, FA001);
    BOOST_TEST(asked == 2);
    FA_ASSERT(++asked == 3, FA001, capture());
    BOOST_TEST((asked == 3 && captured == 0));
    FA_ASSERT(++asked == 7, FA001, capture());
    BOOST_TEST((asked == 4 && captured == 1));
    if (asked == 0) FA_ASSERT(false, FA001);  // one statement
    else ++asked;
    BOOST_TEST(asked == 5);
    BOOST_TEST(faults.count() == 2u);
}

BOOST_AUTO_TEST_SUITE_END()
