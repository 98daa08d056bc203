// SPDX-License-Identifier: MIT OR Apache-2.0
#include "support/test.hpp"

#include <framealloc/detail/platform/numa_mask.hpp>
#include <framealloc/numa.hpp>

#include <utility>
#include <vector>

// How Linux writes nodes down, for machines that this one is not.

using namespace framealloc;
namespace platform = framealloc::detail::platform;

namespace {

/// The set that the text names; nothing where it is no list.
std::pair<bool, node_set> read(char const* text)
{
    platform::numa_mask mask;
    bool const good = platform::numa_read_list(text, mask);
    return {good, node_set{mask}};
}

std::vector<std::pair<unsigned, unsigned>> distances(char const* text, node_set const& online)
{
    std::vector<std::pair<unsigned, unsigned>> all;
    platform::numa_read_distances(text, online.mask(), [&](unsigned node, unsigned d) { all.emplace_back(node, d); });
    return all;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(numa_text)

BOOST_AUTO_TEST_CASE(lists_of_nodes_are_read_with_ranges_and_gaps)
{
    BOOST_TEST((read("0\n") == std::pair{true, node_set{}.with(0)}));
    BOOST_TEST((read("0-3\n") == std::pair{true, node_set{}.with(0).with(1).with(2).with(3)}));
    BOOST_TEST((read("0,8") == std::pair{true, node_set{}.with(0).with(8)}));
    BOOST_TEST((read("0-1,62-65,252\n") ==
                std::pair{true, node_set{}.with(0).with(1).with(62).with(63).with(64).with(65).with(252)}));
    BOOST_TEST(read("0-1023\n").second.count() == 1024u);
    // What cannot be named is left out.
    BOOST_TEST((read("5,1024-99999999999,1023\n") == std::pair{true, node_set{}.with(5).with(1023)}));
}

BOOST_AUTO_TEST_CASE(what_is_no_list_is_refused)
{
    for (char const* const text : {"", "\n", "a", "0-", "3-1", "0,", ",0", "0;1", "-1", "0 1"}) {
        BOOST_TEST_INFO("text: " << text);
        BOOST_TEST(!read(text).first);
    }
}

BOOST_AUTO_TEST_CASE(distances_belong_to_the_nodes_that_are_online_in_order)
{
    using row = std::vector<std::pair<unsigned, unsigned>>;
    node_set const online = node_set{}.with(0).with(2).with(8);
    BOOST_TEST((distances("10 21 31\n", online) == row{{0, 10}, {2, 21}, {8, 31}}));
    BOOST_TEST((distances("  20 10 255", online) == row{{0, 20}, {2, 10}, {8, 255}}));
    BOOST_TEST((distances("10 21\n", online) == row{{0, 10}, {2, 21}}));  // cut short
    BOOST_TEST(distances("", online).empty());
}

BOOST_AUTO_TEST_SUITE_END()
