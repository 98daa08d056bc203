// SPDX-License-Identifier: MIT OR Apache-2.0
#include "support/test.hpp"

#include "support/fake_clock.hpp"

#include <framealloc/diagnostics/counters.hpp>
#include <framealloc/report.hpp>

#include <nlohmann/json.hpp>

#include <array>
#include <map>
#include <sstream>
#include <string>
#include <vector>

using namespace framealloc;

namespace {

using test::fake_clock;
using timed_alloc = basic_smart_alloc<diagnostics::basic_counters<fake_clock>>;

/// Numbers that are all different and larger than 32 bits.
class next_number {
public:
    template <class T>
    operator T() {
        return static_cast<T>(++n_);
    }

private:
    unsigned long long n_ = 1ull << 40;
};

operation_counts some_counts(next_number& n) { return {n, n, n, n, n, n, n, n}; }
framealloc::frame_stats some_frame(next_number& n) {
    return {.number = n, .bytes_used = n, .bytes_reserved = n, .bytes_wasted = n, .nanoseconds = n,
            .ended_at_nanoseconds = n, .objects_destroyed = n, .refused = {n, n, n, n, n}, .operations = some_counts(n)};
}
phase_stats some_phase(char const* name, unsigned short parent, unsigned short depth, next_number& n) {
    return {.name = name, .parent = parent, .depth = depth, .entries = 7,
            .total = {.frame_bytes = n, .nanoseconds = n, .operations = some_counts(n)},
            .self = {.frame_bytes = -5, .nanoseconds = n, .operations = some_counts(n)}};
}
std::vector<phase_stats> some_phases() {
    next_number n;
    return {some_phase("physics", phase_stats::no_parent, 0, n), some_phase("broad", 0, 1, n),
            some_phase("render \"ui\"\n", phase_stats::no_parent, 0, n), some_phase("narrow", 0, 1, n)};
}
std::vector<size_class_stats> some_classes() {
    next_number n;
    return {{.block_bytes = n, .blocks_live = n, .blocks_cached = n, .block_count = n, .slabs = n, .bytes_reserved = n, .largest_free_run_bytes = n},
            {.block_bytes = 16},
            {.block_bytes = 32, .blocks_live = 25, .block_count = 100, .slabs = 1, .bytes_reserved = 4096, .largest_free_run_bytes = 320}};
}
std::vector<framealloc::thread_stats> some_threads() {
    next_number n;
    return {{.number = 3, .frames_begun = n, .frame_bytes_used = n, .frame_bytes_last = n, .frame_bytes_peak = n, .frame_bytes_total = n, .operations = some_counts(n)},
            {.number = 0, .frames_begun = n}};
}
performance_report some_performance() {
    next_number n;
    return {.frames = n, .span_nanoseconds = n, .average_nanoseconds = 1.0 / 3, .p50_nanoseconds = n, .p99_nanoseconds = n, .max_nanoseconds = n,
            .average_allocations = 2.0 / 3, .average_bytes_requested = 1e17 / 7, .average_bytes_used = 0.1, .bytes_used_peak = n,
            .efficiency = 0.7, .shares = {.frame = 0.9, .pool = 0.09, .heap = 0.01}};
}

std::vector<std::string> lines_of(std::string const& text) {
    std::vector<std::string> lines;
    std::istringstream in{text};
    for (std::string line; std::getline(in, line);) lines.push_back(line);
    return lines;
}
/// What a script makes of `name=value` lines.
std::map<std::string, std::string> split(std::string const& text) {
    std::map<std::string, std::string> values;
    for (std::string const& line : lines_of(text)) {
        std::size_t const at = line.find('=');
        BOOST_TEST_REQUIRE(at != std::string::npos, line);
        BOOST_TEST(values.emplace(line.substr(0, at), line.substr(at + 1)).second, line << " is there twice");
    }
    return values;
}
/// Every number that the JSON has, by the way to it: what the lines have to say, too.
void flatten(nlohmann::json const& j, std::string const& at, std::map<std::string, std::string>& out) {
    if (j.is_object()) {
        for (auto const& [key, value] : j.items()) flatten(value, at.empty() ? key : at + "." + key, out);
    } else if (j.is_array()) {
        for (std::size_t i = 0; i < j.size(); ++i) flatten(j[i], at.empty() ? std::to_string(i) : at + "." + std::to_string(i), out);
    } else if (!j.is_null()) {
        out[at] = j.dump();
    }
}
void lines_say_what_json_says(std::string const& key_values, std::string const& json, std::string const& prefix = "") {
    std::map<std::string, std::string> expected;
    flatten(nlohmann::json::parse(json), prefix, expected);
    BOOST_TEST(expected.size() > 5u);
    BOOST_TEST((split(key_values) == expected));
}
bool is_one_line(std::string const& line) { return !line.empty() && line.find('\n') == std::string::npos; }

}  // namespace

BOOST_AUTO_TEST_SUITE(report_forms)

BOOST_AUTO_TEST_CASE(a_frame_comes_back_from_json_as_it_was)
{
    next_number n;
    framealloc::frame_stats const original = some_frame(n);
    framealloc::frame_stats read;
    std::string error;
    BOOST_TEST(frame_stats_from_json(to_json(original), read, error));
    BOOST_TEST((read == original));
    lines_say_what_json_says(to_key_values(original), to_json(original));

    framealloc::frame_stats const before = read;
    BOOST_TEST(!frame_stats_from_json("{\"number\": 3}", read, error));
    BOOST_TEST(error == "framealloc: frame statistics want an unsigned number under \"bytes_used\"");
    nlohmann::json document = nlohmann::json::parse(to_json(original));
    document["refused"].erase("impossible");
    BOOST_TEST(!frame_stats_from_json(document.dump(), read, error));
    BOOST_TEST(error.find("\"impossible\"") != std::string::npos);
    document.erase("refused");
    BOOST_TEST(!frame_stats_from_json(document.dump(), read, error));
    BOOST_TEST(error.find("\"frame_not_open\"") != std::string::npos);
    BOOST_TEST((read == before));
}

BOOST_AUTO_TEST_CASE(a_frame_is_told_in_one_line_and_in_a_table)
{
    framealloc::frame_stats const f{.number = 12, .bytes_used = 7008, .bytes_reserved = 65536, .nanoseconds = 16'620'000,
                                    .refused = {.over_budget = 2},
                                    .operations = {.frame_allocations = 10, .frame_requested_bytes = 16384, .pool_allocations = 3, .heap_allocations = 1}};
    BOOST_TEST(to_line(f) == "frame 12: 16.620 ms, 7008 of 65536 bytes used; 10 frame, 3 pool, 1 heap allocations; 2 refused");
    std::string const text = to_text(f);
    BOOST_TEST(lines_of(text).size() == 21u);
    BOOST_TEST(text.find("bytes_used                           7008 bytes\n") != std::string::npos);
    BOOST_TEST(text.find("efficiency                         25.000 %\n") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_summary_comes_back_with_its_phases)
{
    timed_alloc alloc;
    alloc.begin_frame();
    {
        auto const physics = alloc.phase("physics");
        static_cast<void>(alloc.frame_alloc(layout{.bytes = 320}));
        auto const broad = alloc.phase("broad");
        fake_clock::pass(2'500'000);
    }
    frame_summary const summary = alloc.end_frame();
    frame_summary read;
    read_phases owner;
    std::string error;
    BOOST_TEST(frame_summary_from_json(to_json(summary), read, owner, error));
    BOOST_TEST((read.frame == summary.frame));
    BOOST_TEST(read.bytes_discarded == 320u);
    BOOST_TEST_REQUIRE(read.phases.size() == 2u);
    BOOST_TEST((read.phases[0] == summary.phases[0] && read.phases[1] == summary.phases[1]));
    BOOST_TEST(to_line(summary) == to_line(summary.frame) + "; 320 bytes discarded, 0 objects destroyed; 2 phases: physics 2.500 ms 320 bytes");
    BOOST_TEST(is_one_line(to_line(summary)));
    BOOST_TEST(to_text(summary).find("bytes_discarded                       320 bytes\n") != std::string::npos);
    BOOST_TEST(to_text(summary).find("\nphysics ") != std::string::npos);
    auto const values = split(to_key_values(summary));
    BOOST_TEST(values.at("bytes_discarded") == "320");
    BOOST_TEST(values.at("phase.0.name") == "\"physics\"");
    BOOST_TEST(values.at("phase.1.total.nanoseconds") == "2500000");

    for (char const* const wrong : {"", "[]", "{}", "{\"bytes_discarded\": 3}"}) {
        read_phases untouched;
        BOOST_TEST(!frame_summary_from_json(wrong, read, untouched, error));
        BOOST_TEST(error.find("\"number\"") != std::string::npos);
    }
    nlohmann::json document = nlohmann::json::parse(to_json(summary));
    document["phases"][1]["parent"] = 1;  // of itself
    BOOST_TEST(!frame_summary_from_json(document.dump(), read, owner, error));
    BOOST_TEST(error.find("\"parent\"") != std::string::npos);
    document.erase("phases");
    BOOST_TEST(!frame_summary_from_json(document.dump(), read, owner, error));
    BOOST_TEST(error.find("\"phases\"") != std::string::npos);
    BOOST_TEST((read.frame == summary.frame));
    BOOST_TEST(owner.phases.size() == 2u);
}

BOOST_AUTO_TEST_CASE(phases_come_back_from_json_with_any_name)
{
    auto phases = some_phases();
    read_phases read;
    std::string error;
    BOOST_TEST(phases_from_json(to_json(phases), read, error));
    BOOST_TEST((read.phases == phases));
    auto values = split(to_key_values(phases));
    BOOST_TEST(values.at("phase.3.parent") == "0");
    BOOST_TEST(values.count("phase.2.parent") == 0u);
    BOOST_TEST(values.at("phase.2.name") == "\"render \\\"ui\\\"\\n\"");
    BOOST_TEST(values.at("phase.2.self.frame_bytes") == "-5");
    lines_say_what_json_says(to_key_values(phases), to_json(phases), "phase");

    phases[0].name = "\xFF is no UTF-8";
    BOOST_TEST(phases_from_json(to_json(phases), read, error));
    BOOST_TEST(read.phases[0].name == std::string("\xEF\xBF\xBD is no UTF-8"));
    BOOST_TEST(phases_from_json("[]", read, error));
    BOOST_TEST(read.phases.empty());

    nlohmann::json document = nlohmann::json::parse(to_json(phases));
    auto const refuse = [&](nlohmann::json const& wrong, char const* key) {
        BOOST_TEST(!phases_from_json(wrong.dump(), read, error));
        BOOST_TEST(error.find(key) != std::string::npos, error);
        BOOST_TEST(read.phases.empty());
    };
    refuse(nlohmann::json::object(), "array");
    refuse(5, "array");
    nlohmann::json wrong = document;
    wrong[1]["name"] = 3;
    refuse(wrong, "\"name\"");
    wrong = document;
    wrong[1]["parent"] = "physics";
    refuse(wrong, "\"parent\"");
    wrong = document;
    wrong[2]["self"].erase("nanoseconds");
    refuse(wrong, "\"nanoseconds\"");
    wrong = document;
    wrong[2]["depth"] = 70'000;
    refuse(wrong, "\"depth\"");
    wrong = document;
    wrong[2]["total"]["frame_bytes"] = 0.5;
    refuse(wrong, "\"frame_bytes\"");
    wrong = document;
    wrong[3] = nullptr;
    refuse(wrong, "\"name\"");
}

BOOST_AUTO_TEST_CASE(the_text_of_phases_is_a_tree)
{
    auto const lines = lines_of(to_text(some_phases()));
    BOOST_TEST_REQUIRE(lines.size() == 6u);  // the name of one ends a line
    BOOST_TEST(lines[1].substr(0, 12) == "physics     ");
    BOOST_TEST(lines[2].substr(0, 12) == "  broad     ");
    BOOST_TEST(lines[3].substr(0, 12) == "  narrow    ");  // beside its parent, though it came after "render"
    BOOST_TEST(lines[4].substr(0, 6) == "render");
    BOOST_TEST(to_line(std::span<phase_stats const>{}) == "0 phases");
    BOOST_TEST(lines_of(to_text(std::span<phase_stats const>{})).size() == 1u);
}

BOOST_AUTO_TEST_CASE(size_classes_come_back_from_json_as_they_were)
{
    auto const classes = some_classes();
    std::vector<size_class_stats> read;
    std::string error;
    BOOST_TEST(size_classes_from_json(to_json(classes), read, error));
    BOOST_TEST((read == classes));
    lines_say_what_json_says(to_key_values(classes), to_json(classes), "class");
    BOOST_TEST(is_one_line(to_line(classes)));
    auto const lines = lines_of(to_text(classes));
    BOOST_TEST_REQUIRE(lines.size() == 3u);  // those with slabs, and the heading
    std::istringstream words{lines[2]};
    std::vector<std::string> row;
    for (std::string word; words >> word;) row.push_back(word);
    BOOST_TEST(row == (std::vector<std::string>{"32", "25", "0", "100", "1", "4096", "320", "75.0", "%"}), boost::test_tools::per_element());
    BOOST_TEST(!size_classes_from_json("[{\"block_bytes\": 8}]", read, error));
    BOOST_TEST(error.find("\"blocks_live\"") != std::string::npos);
    BOOST_TEST(!size_classes_from_json("{}", read, error));
    BOOST_TEST((read == classes));

    std::vector<size_class_stats> const two{{.block_bytes = 16, .blocks_live = 60, .block_count = 100, .slabs = 1, .bytes_reserved = 2000},
                                            {.block_bytes = 64, .blocks_live = 10, .block_count = 100, .slabs = 2, .bytes_reserved = 7000},
                                            {.block_bytes = 128}};
    BOOST_TEST(to_line(two) == "2 of 3 size classes in use: 3 slabs, 9000 bytes reserved, 1600 live, fragmentation 80.0 %");
    BOOST_TEST(to_line(std::span<size_class_stats const>{}) == "0 of 0 size classes in use: 0 slabs, 0 bytes reserved, 0 live, fragmentation 0.0 %");
}

BOOST_AUTO_TEST_CASE(threads_come_back_from_json_as_they_were)
{
    auto const threads = some_threads();
    std::vector<framealloc::thread_stats> read;
    std::string error;
    BOOST_TEST(threads_from_json(to_json(threads), read, error));
    BOOST_TEST((read == threads));
    lines_say_what_json_says(to_key_values(threads), to_json(threads), "thread");
    auto const lines = lines_of(to_text(threads));
    BOOST_TEST_REQUIRE(lines.size() == 3u);
    BOOST_TEST(lines[1].substr(0, 6) == "     3");
    BOOST_TEST(lines[2].substr(0, 6) == " ended");
    std::vector<framealloc::thread_stats> const three{{.number = 1, .frames_begun = 10, .frame_bytes_used = 100}, {.number = 0, .frames_begun = 5}, {.number = 2}};
    BOOST_TEST(to_line(three) == "2 threads, 1 ended: 15 frames begun, 100 bytes used in open ones");
    BOOST_TEST(!threads_from_json("3", read, error));
    BOOST_TEST((read == threads));
}

BOOST_AUTO_TEST_CASE(a_performance_report_comes_back_from_json_to_the_last_digit)
{
    performance_report const original = some_performance();
    performance_report read;
    std::string error;
    BOOST_TEST(performance_from_json(to_json(original), read, error));
    BOOST_TEST((read == original));
    lines_say_what_json_says(to_key_values(original), to_json(original));
    BOOST_TEST(!performance_from_json("{\"frames\": \"all\"}", read, error));
    BOOST_TEST(error.find("\"frames\"") != std::string::npos);
    nlohmann::json document = nlohmann::json::parse(to_json(original));
    document["efficiency"] = nullptr;
    BOOST_TEST(!performance_from_json(document.dump(), read, error));
    BOOST_TEST(error == "framealloc: performance reports want a number under \"efficiency\"");
    BOOST_TEST((read == original));
    BOOST_TEST(performance_from_json(to_json(performance_report{}), read, error));
    BOOST_TEST((read == performance_report{}));
}

BOOST_AUTO_TEST_CASE(a_performance_report_is_told_in_one_line_in_a_table_and_on_a_page)
{
    performance_report const r{.frames = 600, .span_nanoseconds = 10'000'000'000, .average_nanoseconds = 16'666'666.5,
                               .p50_nanoseconds = 16'600'000, .p99_nanoseconds = 18'000'000, .max_nanoseconds = 33'123'000,
                               .average_allocations = 10.25, .average_bytes_used = 7008, .bytes_used_peak = 9000, .efficiency = 0.107,
                               .shares = {.frame = 0.975, .pool = 0.025}};
    BOOST_TEST(to_line(r) == "600 frames in 10.0 s: p50 16.600, p99 18.000, max 33.123 ms; 10.2 allocations and 7008 bytes a frame, "
                             "at most 9000; efficiency 10.7 %");
    std::string const text = to_text(r);
    BOOST_TEST(lines_of(text).size() == 14u);
    BOOST_TEST(text.find("frame_share                        97.500 %\n") != std::string::npos);
    BOOST_TEST(text.find("p99_nanoseconds                  18000000 ns\n") != std::string::npos);
    std::string const page = to_html(r);
    BOOST_TEST(page.starts_with("<!DOCTYPE html>\n"));
    BOOST_TEST(page.ends_with("</html>\n"));
    BOOST_TEST(page.find("<tr><td>bytes_used_peak</td><td>9000</td><td>bytes</td></tr>") != std::string::npos);
    BOOST_TEST(page.find("<tr><td>efficiency</td><td>10.700</td><td>%</td></tr>") != std::string::npos);
    for (char const* const from_outside : {"href", "src=", "<script", "http"}) BOOST_TEST(page.find(from_outside) == std::string::npos);
    for (auto const& [name, value] : split(to_key_values(r))) BOOST_TEST(page.find("<td>" + name + "</td>") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(an_instances_line_and_lines_say_what_its_json_says)
{
    timed_alloc alloc;
    alloc.begin_frame();
    static_cast<void>(alloc.frame_alloc(layout{.bytes = 320}));
    auto const pooled = alloc.pool_box<int>(1);
    alloc_stats const s = alloc.stats();
    lines_say_what_json_says(to_key_values(s), to_json(s));
    BOOST_TEST(is_one_line(to_line(s)));
    alloc_stats const known{.frame_bytes_used = 320, .pool_bytes_live = 64, .heap_bytes_live = 16, .backend_bytes = 1600,
                            .backend_bytes_peak = 3200, .backend_calls = 5, .threads = 2};
    BOOST_TEST(to_line(known) == "400 of 1600 bytes live (25.0 %): frame 320, pool 64, heap 16; backend peak 3200 bytes, 5 calls; 2 threads");
    alloc.end_frame();
}

BOOST_AUTO_TEST_CASE(what_the_allocator_answers_goes_into_every_report)
{
    timed_alloc alloc;
    alloc.begin_frame();
    { auto const p = alloc.phase("physics"); }
    auto const pooled = alloc.pool_box<int>(1);
    alloc.end_frame();
    std::array<framealloc::thread_stats, 4> rows;
    std::size_t const threads = alloc.thread_stats(rows);
    BOOST_TEST(lines_of(to_text(std::span{rows}.first(threads))).size() == 2u);
    BOOST_TEST(lines_of(to_text(alloc.size_classes())).size() == 2u);
    BOOST_TEST(lines_of(to_text(alloc.phases())).size() == 2u);
    BOOST_TEST(lines_of(to_text(alloc.frame_stats())).size() == 21u);
}

BOOST_AUTO_TEST_SUITE_END()
