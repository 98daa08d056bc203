// SPDX-License-Identifier: MIT OR Apache-2.0
#include "support/test.hpp"

#include "support/container_proof.hpp"

#include <deque>
#include <list>
#include <map>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

// The standard's containers, when elements throw and memory is refused. That they work over every intent,
// std_containers.cpp shows.

using namespace framealloc;
using test::proof_allocator;
using test::proof_element;
using test::prove;

namespace {
using entry = std::pair<proof_element const, proof_element>;
}  // namespace

BOOST_AUTO_TEST_SUITE(containers_std)

BOOST_AUTO_TEST_CASE(a_vector) { prove<std::vector<proof_element, proof_allocator<proof_element>>>(test::append); }
BOOST_AUTO_TEST_CASE(a_deque) { prove<std::deque<proof_element, proof_allocator<proof_element>>>(test::append); }
BOOST_AUTO_TEST_CASE(a_list) { prove<std::list<proof_element, proof_allocator<proof_element>>>(test::append); }
BOOST_AUTO_TEST_CASE(a_set)
{
    prove<std::set<proof_element, std::less<>, proof_allocator<proof_element>>>(test::insert);
}
BOOST_AUTO_TEST_CASE(a_map)
{
    prove<std::map<proof_element, proof_element, std::less<>, proof_allocator<entry>>>(test::enter);
}
BOOST_AUTO_TEST_CASE(an_unordered_map)
{
    prove<std::unordered_map<proof_element, proof_element, std::hash<proof_element>, std::equal_to<>,
                             proof_allocator<entry>>>(test::enter);
}
BOOST_AUTO_TEST_CASE(a_string)
{
    // Too short ones live in the string itself, which then copies them when it is moved.
    prove<std::basic_string<char, std::char_traits<char>, proof_allocator<char>>>(
        [](auto& c, int i) { c.push_back(char('A' + i)); }, {.copies_may_throw = false});
}

BOOST_AUTO_TEST_SUITE_END()
