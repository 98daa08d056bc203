// SPDX-License-Identifier: MIT OR Apache-2.0
#include "support/test.hpp"

#include "support/container_proof.hpp"

#include <framealloc/ambient_allocator.hpp>

#include <boost/container/devector.hpp>
#include <boost/container/flat_map.hpp>
#include <boost/container/small_vector.hpp>
#include <boost/container/stable_vector.hpp>
#include <boost/intrusive/list.hpp>
#include <boost/intrusive/set.hpp>
#include <boost/unordered/unordered_flat_map.hpp>
#include <boost/unordered_map.hpp>

// Boost.Container, Boost.Unordered and Boost.Intrusive. Three containers of Boost 1.81 free memory through another
// allocator than the one that gave it, when two that differ meet in a move or a swap (a comment in devector says so):
// small_vector, stable_vector and devector. They are proved over the ambient allocator, whose memory goes home by
// itself. A stable_vector also frees a node twice when the copy of an element throws, over std::allocator as well.

using namespace framealloc;
using test::homing_allocator;
using test::proof_allocator;
using test::proof_element;
using test::prove;

namespace {

using entry = std::pair<proof_element const, proof_element>;
using flat_entry = std::pair<proof_element, proof_element>;
namespace bc = boost::container;

}  // namespace

BOOST_AUTO_TEST_SUITE(containers_boost)

BOOST_AUTO_TEST_CASE(a_flat_map)
{
    prove<bc::flat_map<proof_element, proof_element, std::less<proof_element>, proof_allocator<flat_entry>>>(
        test::enter);
}
BOOST_AUTO_TEST_CASE(a_small_vector)
{
    prove<bc::small_vector<proof_element, 8, homing_allocator<proof_element>>, homing_allocator<proof_element>>(
        test::append, {.allocators_follow = false});
}
BOOST_AUTO_TEST_CASE(a_stable_vector)
{
    prove<bc::stable_vector<proof_element, homing_allocator<proof_element>>>(
        test::append, {.copies_may_throw = false, .allocators_follow = false});
}
BOOST_AUTO_TEST_CASE(a_devector)
{
    prove<bc::devector<proof_element, homing_allocator<proof_element>>>(test::append);
}
BOOST_AUTO_TEST_CASE(an_unordered_map_of_boost)
{
    prove<boost::unordered_map<proof_element, proof_element, boost::hash<proof_element>, std::equal_to<>,
                               proof_allocator<entry>>>(test::enter);
}
BOOST_AUTO_TEST_CASE(an_unordered_flat_map)
{
    prove<boost::unordered_flat_map<proof_element, proof_element, boost::hash<proof_element>, std::equal_to<>,
                                    proof_allocator<entry>>>(test::enter);
}

BOOST_AUTO_TEST_CASE(they_live_in_pools_and_frames_as_well)
{
    smart_alloc_debug alloc;
    alloc.begin_frame();
    test::fault_recorder const faults;
    {
        current_instance const here{alloc};
        bc::flat_map<int, int, std::less<int>, ambient_pool_allocator<std::pair<int, int>, smart_alloc_debug>> pooled;
        boost::unordered_map<int, int, boost::hash<int>, std::equal_to<>,
                             ambient_frame_allocator<std::pair<int const, int>, smart_alloc_debug>>
            framed;
        for (int i = 0; i < 1000; ++i) {
            pooled.emplace(i, -i);
            framed.emplace(i, -i);
        }
        BOOST_TEST(pooled.at(999) == -999);
        BOOST_TEST(framed.at(999) == -999);
        BOOST_TEST(alloc.stats().pool_blocks_live + alloc.stats().heap_blocks_live == 1u);
    }
    BOOST_TEST(alloc.stats().pool_blocks_live + alloc.stats().heap_blocks_live == 0u);
    alloc.end_frame();
    BOOST_TEST(faults.count() == 0u);
}

BOOST_AUTO_TEST_CASE(objects_of_a_pool_hang_on_intrusive_hooks)
{
    namespace bi = boost::intrusive;
    struct monster : bi::list_base_hook<bi::link_mode<bi::safe_link>>, bi::set_base_hook<bi::optimize_size<true>> {
        int strength;
        explicit monster(int s) : strength(s) {}
        bool operator<(monster const& other) const { return strength < other.strength; }
    };
    smart_alloc_debug alloc;
    test::fault_recorder const faults;
    bi::list<monster> in_order_of_birth;
    bi::multiset<monster> by_strength;
    for (int i = 0; i < 1000; ++i) {
        monster& m = *alloc.pool_new<monster>(i * 7919 % 1000);
        in_order_of_birth.push_back(m);
        by_strength.insert(m);
    }
    BOOST_TEST(alloc.stats().pool_blocks_live == 1000u);
    BOOST_TEST(by_strength.begin()->strength == 0);
    BOOST_TEST(by_strength.rbegin()->strength == 999);
    // The weaker half dies, through one structure; nothing is allocated or freed but the objects.
    while (by_strength.size() > 500) {
        monster& weakest = *by_strength.begin();
        by_strength.erase(by_strength.begin());
        in_order_of_birth.erase(in_order_of_birth.iterator_to(weakest));
        alloc.pool_delete(&weakest);
    }
    BOOST_TEST(alloc.stats().pool_blocks_live == 500u);
    by_strength.clear();
    in_order_of_birth.clear_and_dispose([&](monster* m) { alloc.pool_delete(m); });
    BOOST_TEST(alloc.stats().pool_blocks_live == 0u);
    BOOST_TEST(faults.count() == 0u);
}

BOOST_AUTO_TEST_SUITE_END()
