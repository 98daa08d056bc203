// SPDX-License-Identifier: MIT OR Apache-2.0
#include "support/tags.hpp"
#include "support/test.hpp"

#include <framealloc/diagnostics/counters.hpp>
#include <framealloc/report.hpp>

#include <nlohmann/json.hpp>

#include <map>
#include <sstream>

// What a person and a program read of tags: the table in four forms, and a frame by tag.

using namespace framealloc;
using namespace framealloc::test;

namespace {

std::vector<tag_usage> example() {
    return {{.path = "(untagged)", .depth = 0, .total_bytes = 6144, .peak_bytes = 8192},
            {.path = "world",
             .depth = 1,
             .frame_bytes = 1024,
             .total_bytes = 5120,
             .peak_bytes = 5120,
             .credited_bytes = 512,
             .limits = {.soft = 4096, .hard = 5632, .reserved = 2048, .at_hard = limit_action::ask}},
            {.path = "world/physics", .depth = 2, .pool_bytes = 2048, .heap_bytes = 2048, .total_bytes = 4096, .peak_bytes = 4096},
            {.path = "ui", .depth = 1, .heap_bytes = 1024, .total_bytes = 1024, .peak_bytes = 1024, .limits = {.hard = 4096}}};
}

bool same(tag_usage const& a, tag_usage const& b) {
    return std::string_view(a.path) == b.path && a.depth == b.depth && a.frame_bytes == b.frame_bytes &&
           a.pool_bytes == b.pool_bytes && a.heap_bytes == b.heap_bytes && a.total_bytes == b.total_bytes &&
           a.peak_bytes == b.peak_bytes && a.credited_bytes == b.credited_bytes && a.limits == b.limits;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(tag_reports)

BOOST_AUTO_TEST_CASE(the_text_is_a_tree_in_kib)
{
    BOOST_TEST(
        to_text(std::span<tag_usage const>(example())) ==
        "KiB                               frame       pool       heap     in all       peak       soft       hard   reserved\n"
        "(untagged)                          0.0        0.0        0.0        6.0        8.0          -          -          -\n"
        "world                               1.0        0.0        0.0        5.0        5.0        4.0        5.5        2.0\n"
        "  physics                           0.0        2.0        2.0        4.0        4.0          -          -          -\n"
        "ui                                  0.0        0.0        1.0        1.0        1.0          -        4.0          -\n");
}

BOOST_AUTO_TEST_CASE(the_line_names_those_that_are_almost_full)
{
    BOOST_TEST(to_line(std::span<tag_usage const>(example())) ==
               "3 tags, 6144 bytes; almost full: world at 5120 of 5632 bytes");
    BOOST_TEST(to_line(std::span<tag_usage const>{}) == "0 tags, 0 bytes");
}

BOOST_AUTO_TEST_CASE(key_values_are_one_figure_to_a_line_and_leave_out_limits_that_are_none)
{
    std::map<std::string, std::string> read;
    std::istringstream in(to_key_values(std::span<tag_usage const>(example())));
    for (std::string line; std::getline(in, line);) {
        std::size_t const equals = line.find('=');
        BOOST_TEST_REQUIRE(equals != std::string::npos, line);
        read[line.substr(0, equals)] = line.substr(equals + 1);
    }
    BOOST_TEST(read["world/physics.pool_bytes"] == "2048");
    BOOST_TEST(read["world.soft"] == "4096");
    BOOST_TEST(read["world.hard"] == "5632");
    BOOST_TEST(read["ui.hard"] == "4096");
    BOOST_TEST(read.count("ui.soft") == 0u);
}

BOOST_AUTO_TEST_CASE(json_is_read_back_to_the_last_member)
{
    auto const written = example();
    read_tags read;
    std::string error;
    BOOST_TEST_REQUIRE(tags_from_json(to_json(std::span<tag_usage const>(written)), read, error), error);
    BOOST_TEST_REQUIRE(read.tags.size() == written.size());
    for (std::size_t i = 0; i < written.size(); ++i) BOOST_TEST(same(read.tags[i], written[i]), written[i].path);
}

BOOST_AUTO_TEST_CASE(json_that_is_no_table_changes_nothing_and_says_what_was_wanted)
{
    read_tags read;
    std::string error;
    BOOST_TEST_REQUIRE(tags_from_json(to_json(std::span<tag_usage const>(example())), read, error));
    auto const refuses = [&](std::string const& text, std::string const& wanted) {
        error.clear();
        BOOST_TEST(!tags_from_json(text, read, error), text);
        BOOST_TEST(error.find(wanted) != std::string::npos, error);
        BOOST_TEST(read.tags.size() == 4u);
    };
    refuses("{}", "want an array");
    refuses("[{}]", "a text under \"path\"");
    nlohmann::json document = nlohmann::json::parse(to_json(std::span<tag_usage const>(example())));
    auto changed = document;
    changed[1]["limits"]["at_hard"] = "perhaps";
    refuses(changed.dump(), "refuse, warn, allow or ask under \"at_hard\"");
    changed = document;
    changed[2]["pool_bytes"] = -1;
    refuses(changed.dump(), "an unsigned number under \"pool_bytes\"");
    changed = document;
    changed[3].erase("limits");
    refuses(changed.dump(), "under \"soft\"");
}

BOOST_AUTO_TEST_CASE(a_finished_frame_by_tag_adds_up_to_its_bytes)
{
    basic_smart_alloc<budget::per_tag, diagnostics::counters> alloc;
    constexpr allocation_tag first{"reports/first"}, second{"reports/second"};
    frame_tag tags[8];
    BOOST_TEST(alloc.budgets().last_frame(tags) == 0u);

    alloc.begin_frame();
    static_cast<void>(alloc.frame_alloc(layout{.bytes = 100, .align = 16}));
    {
        auto const tag = alloc.tag_scope(second);
        static_cast<void>(alloc.frame_alloc(layout{.bytes = 200'000, .align = 16}));
    }
    {
        auto const tag = alloc.tag_scope(first);
        static_cast<void>(alloc.frame_alloc(layout{.bytes = 16, .align = 16}));
    }
    auto const summary = alloc.end_frame();

    BOOST_TEST_REQUIRE(alloc.budgets().last_frame(tags) == 3u);
    BOOST_TEST(tags[0].path == std::string_view("(untagged)"));
    BOOST_TEST(tags[0].bytes_used == 112u);
    BOOST_TEST(tags[1].path == std::string_view("reports/first"));
    BOOST_TEST(tags[1].bytes_used == 16u);
    BOOST_TEST(tags[2].path == std::string_view("reports/second"));
    BOOST_TEST(tags[2].bytes_used == 200'000u);
    BOOST_TEST(tags[0].bytes_used + tags[1].bytes_used + tags[2].bytes_used == summary.frame.bytes_used);

    alloc.begin_frame();
    static_cast<void>(alloc.with_tag(first, [&] { return alloc.frame_alloc(layout{.bytes = 32, .align = 16}); }));
    alloc.end_frame();
    BOOST_TEST_REQUIRE(alloc.budgets().last_frame(std::span(tags, 0)) == 1u);
    BOOST_TEST(alloc.budgets().last_frame(tags) == 1u);
    BOOST_TEST(tags[0].bytes_used == 32u);
}

BOOST_AUTO_TEST_SUITE_END()
