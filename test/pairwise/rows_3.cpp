// SPDX-License-Identifier: MIT OR Apache-2.0
#include "pairwise/rows.hpp"

using namespace framealloc;

BOOST_AUTO_TEST_SUITE(pairwise_3)

BOOST_AUTO_TEST_CASE(assemblies_of_these_rows_keep_what_an_allocator_promises)
{
    test::check_rows(std::type_identity<test::rows_3>{});
}

BOOST_AUTO_TEST_SUITE_END()
