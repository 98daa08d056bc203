// SPDX-License-Identifier: MIT OR Apache-2.0
#include "support/test.hpp"

#include <cstring>

using namespace framealloc;

BOOST_AUTO_TEST_SUITE(usable_sizes)

BOOST_AUTO_TEST_CASE(all_of_a_blocks_room_may_be_written)
{
    smart_alloc_debug alloc;
    for (std::size_t bytes = 0; bytes < 20'000; bytes += bytes < 100 ? 1 : 777) {
        void* const pooled = alloc.pool_alloc(layout{.bytes = bytes});
        void* const large = alloc.heap_alloc(layout{.bytes = bytes, .align = 256});
        BOOST_TEST(alloc.usable_size(pooled) >= bytes);
        BOOST_TEST(alloc.usable_size(large) >= bytes);
        std::memset(pooled, 1, alloc.usable_size(pooled));
        std::memset(large, 1, alloc.usable_size(large));
        BOOST_TEST(bool(alloc.verify()));
        alloc.pool_free(pooled);
        alloc.heap_free(large);
    }
    BOOST_TEST(bool(alloc.verify()));
}

BOOST_AUTO_TEST_CASE(other_addresses_have_none)
{
    smart_alloc alloc;
    smart_alloc other;
    alloc.begin_frame();
    int on_stack = 0;
    static int in_data = 0;
    auto* const pooled = static_cast<char*>(alloc.pool_alloc(layout{.bytes = 64}));
    auto* const large = static_cast<char*>(alloc.heap_alloc(layout{.bytes = 1000}));
    BOOST_TEST(alloc.usable_size(nullptr) == 0u);
    BOOST_TEST(alloc.usable_size(&on_stack) == 0u);
    BOOST_TEST(alloc.usable_size(&in_data) == 0u);
    BOOST_TEST(alloc.usable_size(alloc.frame_alloc<int>()) == 0u);
    BOOST_TEST(alloc.usable_size(pooled + 16) == 0u);
    BOOST_TEST(alloc.usable_size(pooled + 1) == 0u);
    BOOST_TEST(alloc.usable_size(large + 160) == 0u);
    BOOST_TEST(alloc.usable_size(large + 161) == 0u);
    BOOST_TEST(other.usable_size(pooled) == 0u);
    BOOST_TEST(other.usable_size(large) == 0u);
    BOOST_TEST(alloc.usable_size(pooled) == 64u);
    alloc.heap_free(large);
    BOOST_TEST(alloc.usable_size(large) == 0u);
    alloc.end_frame();
}

BOOST_AUTO_TEST_CASE(a_pool_block_that_was_freed_has_none_where_blocks_are_checked)
{
    smart_alloc_debug alloc;
    void* const p = alloc.pool_alloc(layout{.bytes = 64});
    BOOST_TEST(alloc.usable_size(p) == 64u);
    alloc.pool_free(p);
    BOOST_TEST(alloc.usable_size(p) == 0u);
}

BOOST_AUTO_TEST_SUITE_END()
