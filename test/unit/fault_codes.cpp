// SPDX-License-Identifier: MIT OR Apache-2.0
#include "support/test.hpp"

#include <cctype>
#include <fstream>
#include <set>
#include <sstream>
#include <string>

using namespace framealloc;

namespace {

/// A file of the project, by its path from the root.
std::string text_of_file(std::string const& path) {
    std::ifstream file{FRAMEALLOC_SOURCE_DIR + path};
    std::stringstream all;
    all << file.rdbuf();
    BOOST_TEST_REQUIRE(!all.str().empty(), path << " cannot be read");
    return all.str();
}

}  // namespace

BOOST_AUTO_TEST_SUITE(fault_codes)

BOOST_AUTO_TEST_CASE(every_code_stands_in_the_table_once_with_a_message_and_a_remedy_of_its_own)
{
    std::set<unsigned> codes;
    std::set<std::string> messages, causes, remedies;
    for (auto const& row : detail::fault_table) {
        std::string const message = row.message, cause = row.cause, help = row.help;
        BOOST_TEST_CONTEXT("FA" << unsigned(row.code)) {
            BOOST_TEST(codes.insert(unsigned(row.code)).second);
            BOOST_TEST(messages.insert(message).second);
            BOOST_TEST(causes.insert(cause).second);
            BOOST_TEST(remedies.insert(help).second);
            BOOST_TEST(message.size() > 10u);
            BOOST_TEST((cause.size() > 10u && help.size() > 10u));
            BOOST_TEST((unsigned(row.code) > 0 && unsigned(row.code) < 1000));  // three digits in every report
            // They are printed as they are, the cause as a format of no number, and followed by a line end.
            for (auto const& text : {message, cause, help}) BOOST_TEST(text.find_first_of("%\n") == std::string::npos);
            BOOST_TEST(!std::isspace(static_cast<unsigned char>(message.back())));
        }
    }
}

BOOST_AUTO_TEST_CASE(a_code_brings_the_texts_of_its_row_whether_the_compiler_or_the_program_asks)
{
    for (auto const& row : detail::fault_table) {
        fault_kind const kind = fault_kind::of(row.code);
        char id[8];
        std::snprintf(id, sizeof id, "FA%03u", unsigned(row.code));
        BOOST_TEST_CONTEXT(id) {
            BOOST_TEST(kind.code() == row.code);
            BOOST_TEST((kind.level() == row.level));
            BOOST_TEST(std::string{kind.id()} == id);
            BOOST_TEST(std::string{kind.message()} == row.message);
            BOOST_TEST(std::string{kind.help()} == row.help);
        }
    }
    constexpr fault_kind by_the_compiler = fault_code::tag_budget_exceeded;
    static_assert(by_the_compiler == fault_code::tag_budget_exceeded && by_the_compiler.level() == fault_level::error);
    BOOST_TEST(std::string{by_the_compiler.message()} == "tag's memory budget exceeded");
    BOOST_TEST(fault_kind::of(static_cast<fault_code>(7777)).code() == fault_code::internal);
}

BOOST_AUTO_TEST_CASE(the_documents_table_of_misuse_has_every_code_and_no_other)
{
    std::string const text = text_of_file("/docs/misuse.md");
    std::set<unsigned> documented, known;
    for (std::size_t at = text.find("FA"); at != std::string::npos; at = text.find("FA", at + 1)) {
        documented.insert(static_cast<unsigned>(std::stoul(text.substr(at + 2, 3))));
    }
    for (auto const& row : detail::fault_table) known.insert(unsigned(row.code));
    BOOST_TEST(documented == known, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_report_shows_code_message_numbers_and_remedy)
{
    fault const f{.code = fault_code::budget_exceeded, .note = "asked for %llu of %llu", .numbers = {7, 5}};
    char text[640];
    std::string const report{text, f.write(text, sizeof text)};
    BOOST_TEST(report == "[framealloc][FA301] error: global memory budget exceeded\n  note: asked for 7 of 5\n"
                         "  help: raise budget::global's limit, or give memory back first\n");
    // Cut to any size, and always terminated.
    for (std::size_t size = 1; size < sizeof text; ++size) {
        std::size_t const length = f.write(text, size);
        BOOST_TEST_REQUIRE(length == (report.size() < size ? report.size() : size - 1));
        BOOST_TEST_REQUIRE(text[length] == '\0');
    }
    BOOST_TEST(f.write(text, 0) == 0u);
}

BOOST_AUTO_TEST_CASE(a_report_says_how_bad_it_is)
{
    char text[640];
    fault{.code = fault_code::frame_left_open, .note = "x"}.write(text, sizeof text);
    BOOST_TEST(std::string{text}.starts_with("[framealloc][FA008] warning: thread ended inside a frame\n"));
}

BOOST_AUTO_TEST_SUITE_END()
