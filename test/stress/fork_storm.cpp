// SPDX-License-Identifier: MIT OR Apache-2.0
#include "support/test.hpp"

#include "support/forking.hpp"

using namespace framealloc::test;

BOOST_AUTO_TEST_SUITE(fork_storm)

BOOST_AUTO_TEST_CASE_TEMPLATE(two_hundred_children_in_a_row_all_live_at_every_level, Alloc, every_forking_alloc)
{
    // What forks do to the lock-free structures, level by level; behind mutexes, a part of that has to do.
    constexpr bool lock_free = std::is_same_v<typename Alloc::assembly_type::sync, framealloc::sync::lock_free>;
    fork_beside_busy_threads<Alloc>(lock_free ? repetitions(200, 20) : repetitions(50, 10));
}

BOOST_AUTO_TEST_SUITE_END()
