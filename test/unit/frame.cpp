// SPDX-License-Identifier: MIT OR Apache-2.0
#include "support/test.hpp"

#include "support/faults.hpp"

using namespace framealloc;

BOOST_AUTO_TEST_SUITE(frame)

BOOST_AUTO_TEST_CASE(a_frame_gives_memory_until_it_ends)
{
    smart_alloc alloc;
    alloc.begin_frame();
    int* const first = alloc.frame_alloc<int>();
    *first = 7;
    BOOST_TEST(alloc.stats().frame_bytes_used == granule);
    alloc.end_frame();
    BOOST_TEST(alloc.stats().frame_bytes_used == 0u);
}

BOOST_AUTO_TEST_SUITE_END()
