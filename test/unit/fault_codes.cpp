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
    std::set<std::string> messages, remedies;
    for (auto const& row : detail::fault_table) {
        std::string const message = row.message, help = row.help;
        BOOST_TEST_CONTEXT("FA" << unsigned(row.code)) {
            BOOST_TEST(codes.insert(unsigned(row.code)).second);
            BOOST_TEST(messages.insert(message).second);
            BOOST_TEST(remedies.insert(help).second);
            BOOST_TEST(message.size() > 10u);
            BOOST_TEST(help.size() > 10u);
            BOOST_TEST((unsigned(row.code) > 0 && unsigned(row.code) < 1000));  // three digits in every report
            // They are printed as they are, and followed by a line end.
            BOOST_TEST(
                (message.find_first_of("%\n") == std::string::npos && help.find_first_of("%\n") == std::string::npos));
            BOOST_TEST(!std::isspace(static_cast<unsigned char>(message.back())));
        }
    }
}

BOOST_AUTO_TEST_CASE(no_code_of_the_enumeration_is_missing_from_the_table)
{
    // The names are read from the header: a code without a row would be reported as an internal error.
    std::string const text = text_of_file("/include/framealloc/fault.hpp");
    std::size_t at = text.find("enum class fault_code");
    std::size_t const end = text.find("};", at);
    BOOST_TEST_REQUIRE((at != std::string::npos && end != std::string::npos));
    std::size_t codes = 0;
    for (at = text.find(" = ", at); at < end; at = text.find(" = ", at + 1), ++codes) {
        auto const code = static_cast<fault_code>(std::stoul(text.substr(at + 3)));
        BOOST_TEST((detail::text_of(code).code == code), "FA" << unsigned(code) << " has no row");
    }
    BOOST_TEST(codes == std::size(detail::fault_table));
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

BOOST_AUTO_TEST_SUITE_END()
