// SPDX-License-Identifier: MIT OR Apache-2.0
#include "support/test.hpp"

#include "support/container_proof.hpp"

#include <framealloc/ambient_allocator.hpp>

#include <absl/container/btree_map.h>
#include <absl/container/flat_hash_map.h>
#include <absl/container/inlined_vector.h>

// Abseil's containers. They are written for programs without exceptions: a hash table notes its new capacity before it
// asks for the memory, a tree's first node is lost when its first element throws, and so is an InlinedVector's memory.
// A tree that is assigned by moving keeps its allocator; an InlinedVector keeps it, too, but takes the memory of the
// other. They are asked for what they promise, the InlinedVector over the ambient allocator, whose memory goes home by
// itself.

using namespace framealloc;
using test::homing_allocator;
using test::proof_allocator;
using test::proof_element;
using test::prove;

namespace {
using entry = std::pair<proof_element const, proof_element>;
}

BOOST_AUTO_TEST_SUITE(containers_absl)

BOOST_AUTO_TEST_CASE(a_flat_hash_map)
{
    prove<absl::flat_hash_map<proof_element, proof_element, absl::Hash<proof_element>, std::equal_to<>,
                              proof_allocator<entry>>>(test::enter,
                                                       {.copies_may_throw = false, .memory_may_be_refused = false});
}
BOOST_AUTO_TEST_CASE(a_btree_map)
{
    prove<absl::btree_map<proof_element, proof_element, std::less<>, proof_allocator<entry>>>(
        test::enter, {.copies_may_throw = false, .memory_may_be_refused = false, .allocators_follow = false});
}
BOOST_AUTO_TEST_CASE(an_inlined_vector)
{
    prove<absl::InlinedVector<proof_element, 8, homing_allocator<proof_element>>>(
        test::append, {.copies_may_throw = false, .allocators_follow = false});
}

BOOST_AUTO_TEST_CASE(they_live_in_pools_and_frames_as_well)
{
    smart_alloc_debug alloc;
    alloc.begin_frame();
    test::fault_recorder const faults;
    {
        current_instance const here{alloc};
        absl::btree_map<int, int, std::less<>, ambient_pool_allocator<std::pair<int const, int>, smart_alloc_debug>>
            pooled;
        absl::flat_hash_map<int, int, absl::Hash<int>, std::equal_to<>,
                            ambient_frame_allocator<std::pair<int const, int>, smart_alloc_debug>>
            framed;
        for (int i = 0; i < 1000; ++i) {
            pooled.emplace(i, -i);
            framed.emplace(i, -i);
        }
        BOOST_TEST(pooled.at(999) == -999);
        BOOST_TEST(framed.at(999) == -999);
        BOOST_TEST(alloc.stats().pool_blocks_live > 20u);
    }
    BOOST_TEST(alloc.stats().pool_blocks_live == 0u);
    alloc.end_frame();
    BOOST_TEST(faults.count() == 0u);
}

BOOST_AUTO_TEST_SUITE_END()
