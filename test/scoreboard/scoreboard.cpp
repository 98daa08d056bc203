// SPDX-License-Identifier: MIT OR Apache-2.0

// Runs each misuse at each level, in a process of its own.
//
//     scoreboard                             compares what it comes to with what is expected
//     scoreboard --markdown                  prints the scoreboard as it stands
//     scoreboard --results [DIRECTORY]       prints a line per misuse and level: level, row, name, what, result, code; what a
//                                            tool says of a process is in DIRECTORY/PROCESS.log
//     scoreboard --report LEVEL NAME         prints what one of them writes

#include "run.hpp"
#include "subject.hpp"

#define BOOST_TEST_DYN_LINK
#define BOOST_TEST_NO_MAIN
#include <boost/test/unit_test.hpp>

#include <cstdio>
#include <map>
#include <set>

using namespace scoreboard;

namespace {

struct level {
    std::string_view name;
    std::string_view like;  ///< whose expectations hold where a misuse has none for this one
    bool has_tags;
    std::vector<misuse> misuses;
};

template <class Alloc>
std::vector<misuse> all_misuses()
{
    std::map<std::string_view, std::vector<misuse>> by_row;
    for (auto&& family :
         {block_misuses<Alloc>(), frame_misuses<Alloc>(), request_misuses<Alloc>(), instance_misuses<Alloc>(),
          streaming_misuses<Alloc>(), handle_misuses<Alloc>(), group_misuses<Alloc>(),
          object_pool_misuses<Alloc>()}) {
        for (misuse const& m : family) by_row[m.row].push_back(m);
    }
    std::vector<misuse> all;
    for (auto const& [row, misuses] : by_row) all.insert(all.end(), misuses.begin(), misuses.end());
    return all;
}

std::vector<level> const& levels()
{
#define LEVEL(name, like, ...) {name, like, subject<__VA_ARGS__>::has_tags, all_misuses<__VA_ARGS__>()},
    static std::vector<level> const all{FRAMEALLOC_SCOREBOARD_LEVELS(LEVEL)};
    return all;
}

/// Whose expectations hold at a level, the nearest first.
std::vector<std::string_view> alike(level const& l)
{
    std::vector<std::string_view> names{l.name};
    for (std::string_view next = l.like; next != names.back();) {
        names.push_back(next);
        for (level const& other : levels()) {
            if (other.name == names.back()) next = other.like;
        }
    }
    return names;
}

// What a level with records does not find, and why that is. It only gets shorter.
struct exception_to_the_rule {
    std::string_view name;
    std::string_view reason;
};
constexpr exception_to_the_rule not_found[] = {
    {"frame_memory_written_in_the_next_frame", "a plain pointer into a frame; a frame_ptr is found"},
};

[[nodiscard]] bool is_excepted(std::string_view name)
{
    for (auto const& e : not_found) {
        if (e.name == name) return true;
    }
    return false;
}

[[nodiscard]] bool is_silent(result how) { return how == result::silent || how == result::crashed || how == result::hung; }

// --- the test -----------------------------------------------------------------------------------------------------------

void compare(level const& l, misuse const& m)
{
    expectation const* const e = m.expects(alike(l));
    BOOST_TEST_REQUIRE(e != nullptr);
    outcome const o = run(m);
    BOOST_TEST_CONTEXT(o.text << "signal " << o.signal)
    {
        // Where nothing is promised, whether it crashes is luck.
        bool const as_wanted = o.how == e->wanted || (e->wanted == result::silent && o.how == result::crashed);
        BOOST_TEST(as_wanted, "is " << name_of(o.how) << ", expected " << name_of(e->wanted));
        BOOST_TEST(o.code == e->code);
        bool const keeps_records = l.like != "release";
        if (keeps_records) BOOST_TEST((!is_silent(o.how) || is_excepted(m.name)), "is not found, and not excepted");
        if (!keeps_records || e->code.empty()) return;
        if (m.tells_place) BOOST_TEST(o.says("allocator '" + std::string{name_of_instance} + "'"));
        if (m.tells_place) BOOST_TEST(o.says("frame " + std::to_string(m.frame)));
        if (l.has_tags && m.tells_place && m.tells_tag) BOOST_TEST(o.says(std::string{"tag "} + tag_of_misuse));
#if FRAMEALLOC_TEST_SYMBOLS
        auto const names_it = [&](std::string_view label) {
            std::string const line = o.line(label);
            return line.find(m.name) != std::string::npos || line.find(name_of_helper) != std::string::npos;
        };
        if (e->where.mistake) BOOST_TEST(names_it("at:"), "at: " << o.line("at:"));
        if (e->where.allocation) BOOST_TEST((names_it("allocated at:") || names_it("created at:")), "no line says where it was allocated");
        if (e->where.end) BOOST_TEST((names_it("freed at:") || names_it("ended at:") || names_it("given back at:")));
#endif
    }
}

bool add_tests()
{
    namespace ut = boost::unit_test;
    for (level const& l : levels()) {
        std::string suite_name{l.name};
        for (char& c : suite_name) c = c == ',' || c == ' ' ? '_' : c;
        auto* const suite = BOOST_TEST_SUITE(suite_name);
        for (misuse const& m : l.misuses) {
            suite->add(ut::make_test_case([&l, &m] { compare(l, m); }, std::string{m.name}, __FILE__, __LINE__));
        }
        ut::framework::master_test_suite().add(suite);
    }
    auto* const suite = BOOST_TEST_SUITE("corpus");
    suite->add(ut::make_test_case(
        [] {
            std::set<std::string_view> names;
            for (misuse const& m : levels().front().misuses) {
                BOOST_TEST(names.insert(m.name).second, m.name << " is there twice");
            }
            for (auto const& e : not_found) BOOST_TEST(names.count(e.name) == 1u, e.name << " is no misuse");
        },
        "every_misuse_has_a_name_of_its_own", __FILE__, __LINE__));
    ut::framework::master_test_suite().add(suite);
    return true;
}

// --- what it prints -----------------------------------------------------------------------------------------------------

void print_results(std::string const& tool_logs)
{
    for (level const& l : levels()) {
        for (misuse const& m : l.misuses) {
            outcome const o = run(m, tool_logs);
            std::printf("%.*s\t%.*s\t%.*s\t%.*s\t%s\t%s\n", int(l.name.size()), l.name.data(), int(m.row.size()), m.row.data(),
                        int(m.name.size()), m.name.data(), int(m.what.size()), m.what.data(), name_of(o.how), o.code.c_str());
        }
    }
}

void print_markdown()
{
    std::printf("| | misuse |");
    for (level const& l : levels()) std::printf(" %.*s |", int(l.name.size()), l.name.data());
    std::printf("\n|---|---|");
    for (std::size_t i = 0; i < levels().size(); ++i) std::printf("---|");
    std::puts("");
    for (std::size_t i = 0; i < levels().front().misuses.size(); ++i) {
        misuse const& first = levels().front().misuses[i];
        std::printf("| %.*s | %.*s |", int(first.row.size()), first.row.data(), int(first.what.size()), first.what.data());
        for (level const& l : levels()) {
            outcome const o = run(l.misuses[i]);
            std::printf(" %s%s%s |", name_of(o.how), o.code.empty() ? "" : " ", o.code.c_str());
        }
        std::puts("");
    }
}

int print_report(std::string_view level_name, std::string_view name)
{
    for (level const& l : levels()) {
        for (misuse const& m : l.misuses) {
            if (l.name != level_name || m.name != name) continue;
            std::fputs(run(m).text.c_str(), stdout);
            return 0;
        }
    }
    return 2;
}

}  // namespace

int main(int argc, char** argv)
{
    std::vector<std::string> const arguments(argv + 1, argv + argc);
    if (!arguments.empty() && arguments[0] == "--markdown") return print_markdown(), 0;
    if (!arguments.empty() && arguments[0] == "--results") {
        return print_results(arguments.size() > 1 ? arguments[1] : std::string{}), 0;
    }
    if (arguments.size() == 3 && arguments[0] == "--report") return print_report(arguments[1], arguments[2]);
    return boost::unit_test::unit_test_main(&add_tests, argc, argv);
}
