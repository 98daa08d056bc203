// SPDX-License-Identifier: MIT OR Apache-2.0
#include "support/test.hpp"

#include <framealloc/diagnostics/counters.hpp>
#include <framealloc/object_pool/growing_pool.hpp>
#include <framealloc/report.hpp>

#include <boost/json.hpp>

#include <map>
#include <sstream>
#include <string>
#include <vector>

using namespace framealloc;

namespace {

/// A pool with something in each figure that a program can bring about.
struct used_pool {
    growing_pool<long, diagnostics::counters, drop::deferred> pool{
        {.capacity = 2, .maximum = 4, .name = "a \"pool\" = 100 %"}};
    std::vector<long*> held;

    used_pool()
    {
        for (int i = 0; i < 3; ++i) held.push_back(pool.allocate(i));
        pool.free(held.back());
        held.pop_back();
        held.push_back(pool.allocate(3));
        held.push_back(pool.allocate(4));
        if (pool.try_allocate(5) != nullptr) held.clear();
        pool.free(held.front());
    }
};

[[nodiscard]] std::map<std::string, std::string> pairs_of(std::string const& text)
{
    std::map<std::string, std::string> pairs;
    std::istringstream lines{text};
    for (std::string line; std::getline(lines, line);) pairs[line.substr(0, line.find('='))] = line.substr(line.find('=') + 1);
    return pairs;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(reports_of_object_pools)

BOOST_AUTO_TEST_CASE(every_figure_is_in_json_and_reads_back)
{
    used_pool const used;
    object_pool_stats const s = used.pool.stats();
    boost::json::object const json = boost::json::parse(to_json(s)).as_object();
    auto const number = [&](char const* key) { return json.at(key).to_number<unsigned long long>(); };
    BOOST_TEST(json.at("name").as_string() == s.name);
    BOOST_TEST(number("capacity") == s.capacity);
    BOOST_TEST(number("maximum") == 4u);
    BOOST_TEST(number("live") == s.live);
    BOOST_TEST(number("pending") == 1u);
    BOOST_TEST(number("allocations") == s.allocations);
    BOOST_TEST(number("frees") == s.frees);
    BOOST_TEST(number("failures") == s.failures);
    BOOST_TEST(number("growths") == 1u);
    BOOST_TEST(json.at("hit_rate").to_number<double>() == s.hit_rate());

    object_pool_stats read;
    std::string name, error;
    BOOST_REQUIRE_MESSAGE(object_pool_from_json(to_json(s), read, name, error), error);
    BOOST_TEST(name == s.name);
    BOOST_TEST(read.name == name.c_str());
    BOOST_TEST(to_json(read) == to_json(s));
}

BOOST_AUTO_TEST_CASE(what_is_no_report_is_refused_with_what_was_wanted_and_changes_nothing)
{
    object_pool_stats read{.capacity = 7};
    std::string name = "before", error;
    std::pair<char const*, char const*> const bad[] = {
        {"", "\"name\""}, {"{}", "\"name\""}, {R"({"name":3})", "\"name\""}, {R"({"name":null})", "\"capacity\""},
        {R"({"name":null,"capacity":-1})", "unsigned"}, {R"({"name":null,"capacity":"1"})", "unsigned"}};
    for (auto const& [text, wanted] : bad) {
        error.clear();
        BOOST_TEST(!object_pool_from_json(text, read, name, error), text);
        BOOST_TEST(error.find(wanted) != std::string::npos, error);
        BOOST_TEST(read.capacity == 7u);
        BOOST_TEST(name == "before");
    }
}

BOOST_AUTO_TEST_CASE(key_values_have_the_same_figures_under_the_same_names)
{
    used_pool const used;
    auto const pairs = pairs_of(to_key_values(used.pool.stats()));
    boost::json::object const json = boost::json::parse(to_json(used.pool.stats())).as_object();
    BOOST_TEST(pairs.size() == json.size());
    for (auto const& [key, value] : json) {
        BOOST_REQUIRE_MESSAGE(pairs.contains(std::string{key}), key);
        BOOST_TEST(boost::json::parse(pairs.at(std::string{key})) == value, key);
    }
}

BOOST_AUTO_TEST_CASE(a_line_says_what_matters_in_one)
{
    used_pool const used;
    object_pool_stats const s = used.pool.stats();
    std::string const line = to_line(s);
    BOOST_TEST(line.find('\n') == std::string::npos);
    for (std::string const& part : {std::string{s.name}, std::to_string(s.live) + " of " + std::to_string(s.capacity),
                                   std::to_string(s.failures) + " failures", std::string{"hit rate"}}) {
        BOOST_TEST(line.find(part) != std::string::npos, line << " lacks " << part);
    }
}

BOOST_AUTO_TEST_CASE(text_has_a_row_for_each_figure_and_leaves_out_what_is_not_counted)
{
    used_pool const used;
    std::string const counted = to_text(used.pool.stats());
    for (char const* const row : {"capacity", "live", "peak", "failures", "hit_rate"}) {
        BOOST_TEST(counted.find(row) != std::string::npos, row);
    }
    growing_pool<long> plain{{.capacity = 2}};
    static_cast<void>(plain.allocate(1));
    for (std::string const& text :
         {to_text(plain.stats()), to_line(plain.stats()), to_key_values(plain.stats()), to_json(plain.stats())}) {
        BOOST_TEST(text.find("peak") == std::string::npos, text);
        BOOST_TEST(text.find("hit") == std::string::npos, text);
    }
    object_pool_stats read;
    std::string name, error;
    BOOST_TEST(object_pool_from_json(to_json(plain.stats()), read, name, error));
    BOOST_TEST(!read.counted);
    BOOST_TEST(read.name == static_cast<char const*>(nullptr));
    BOOST_TEST(read.live == 1u);
}

BOOST_AUTO_TEST_CASE(the_hit_rate_is_of_all_requests_the_part_that_neither_waited_nor_was_refused)
{
    object_pool_stats s;
    BOOST_TEST(s.hit_rate() == 1.0);
    s.allocations = 8;
    s.failures = 2;
    BOOST_TEST(s.hit_rate() == 0.8);
    s.growths = 3;
    BOOST_TEST(s.hit_rate() == 0.5);
    s.allocations = 0;
    BOOST_TEST(s.hit_rate() == 0.0);
}

BOOST_AUTO_TEST_SUITE_END()
