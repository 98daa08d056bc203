// SPDX-License-Identifier: MIT OR Apache-2.0
#include "support/test.hpp"

#include "support/forking.hpp"

using namespace framealloc::test;

BOOST_AUTO_TEST_SUITE(fork_storm)

BOOST_AUTO_TEST_CASE_TEMPLATE(two_hundred_children_in_a_row_all_live_at_every_level, Alloc, every_forking_alloc)
{
    fork_beside_busy_threads<Alloc>(repetitions(200, 20));
}

BOOST_AUTO_TEST_SUITE_END()
