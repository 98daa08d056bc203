// SPDX-License-Identifier: MIT OR Apache-2.0
#include "support/test.hpp"

#include <framealloc/smart_alloc_guarded.hpp>
#include <framealloc/smart_alloc_hardened.hpp>
#include <framealloc/testing/assembly.hpp>

using namespace framealloc;

namespace {

template <class Alloc>
void expect_conformance()
{
    Alloc alloc;
    for (int round = 0; round < 2; ++round) {
        auto const report = testing::check_assembly(alloc);
        BOOST_TEST(report.passed(), report.text());
        auto const ways = testing::check_ways_to_assembly(alloc);
        BOOST_TEST(ways.passed(), ways.text());
        BOOST_TEST((report.looked_at() > 500 && ways.looked_at() > 1000));
    }
}

}  // namespace

BOOST_AUTO_TEST_SUITE(ready_assembly_conformance)

BOOST_AUTO_TEST_CASE(the_default_assembly_keeps_what_an_allocator_promises)
{
    expect_conformance<smart_alloc>();
}

BOOST_AUTO_TEST_CASE(the_minimal_assembly_keeps_what_an_allocator_promises)
{
    expect_conformance<smart_alloc_minimal>();
}

BOOST_AUTO_TEST_CASE(the_debug_assembly_keeps_what_an_allocator_promises)
{
    expect_conformance<smart_alloc_debug>();
}

BOOST_AUTO_TEST_CASE(the_guarded_assembly_keeps_what_an_allocator_promises)
{
    expect_conformance<smart_alloc_guarded>();
}

BOOST_AUTO_TEST_CASE(the_hardened_assembly_keeps_what_an_allocator_promises)
{
    expect_conformance<smart_alloc_hardened>();
}

BOOST_AUTO_TEST_CASE(the_single_threaded_assembly_keeps_what_an_allocator_promises)
{
    expect_conformance<smart_alloc_single_threaded>();
}

BOOST_AUTO_TEST_SUITE_END()
