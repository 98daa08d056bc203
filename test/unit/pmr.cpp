// SPDX-License-Identifier: MIT OR Apache-2.0
#include "support/test.hpp"

#include "support/failing.hpp"
#include "support/faults.hpp"
#include "support/resources.hpp"

#include <framealloc/integration/pmr.hpp>

#include <map>
#include <string>
#include <vector>

using namespace framealloc;

BOOST_AUTO_TEST_SUITE(std_pmr)

BOOST_AUTO_TEST_CASE(resources_serve_every_size_and_alignment_and_take_it_back)
{
    test::resources_keep_their_promises<std::pmr::memory_resource, frame_resource, pool_resource, heap_resource>();
}

BOOST_AUTO_TEST_CASE(containers_pass_their_resource_to_their_elements)
{
    smart_alloc_debug alloc;
    test::fault_recorder const faults;
    {
        pool_resource pool{alloc};
        std::pmr::map<int, std::pmr::string> names{&pool};
        for (int i = 0; i < 50; ++i) names.emplace(i, "a text that is longer than what fits into the string itself");
        BOOST_TEST(alloc.stats().pool_blocks_live == 100u);
        auto const copy = std::pmr::map<int, std::pmr::string>{names, &pool};
        BOOST_TEST((copy == names));
        BOOST_TEST(alloc.stats().pool_blocks_live == 200u);
    }
    BOOST_TEST(alloc.stats().pool_blocks_live == 0u);
    BOOST_TEST(faults.count() == 0u);
}

BOOST_AUTO_TEST_CASE(containers_of_one_instance_exchange_their_memory_and_of_two_their_elements)
{
    smart_alloc_debug one, two;
    pool_resource first{one}, second{two}, also_first{one};
    std::pmr::vector<int> a(100, 1, &first), b(&also_first), c(&second);
    int const* const data = a.data();
#if defined(__cpp_rtti)
    b = std::move(a);
    BOOST_TEST(b.data() == data);
#else
    b = std::pmr::vector<int>(a, &also_first);
#endif
    c = std::move(b);  // a polymorphic allocator stays
    BOOST_TEST(c.data() != data);
    BOOST_TEST(c.size() == 100u);
    BOOST_TEST(two.stats().pool_blocks_live == 1u);
}

BOOST_AUTO_TEST_CASE(a_scratch_container_in_a_loop_uses_the_same_bytes_of_the_frame)
{
    smart_alloc_debug alloc;
    alloc.begin_frame();
    frame_resource frame{alloc};
    std::size_t used = 0;
    for (int round = 0; round < 100; ++round) {
        std::pmr::vector<int> hits(1000, round, &frame);
        if (round == 0) used = alloc.stats().frame_bytes_used;
        BOOST_TEST_REQUIRE(alloc.stats().frame_bytes_used == used);
    }
    BOOST_TEST(alloc.stats().frame_bytes_used == 0u);
    alloc.end_frame();
}

BOOST_AUTO_TEST_CASE(a_refusal_is_a_bad_alloc_that_says_why)
{
    smart_alloc alloc;
    frame_resource frame{alloc};
    pool_resource pool{alloc};
    BOOST_TEST(test::how_it_fails([&] { static_cast<void>(frame.allocate(8)); }).code == fault_code::frame_not_open);
    BOOST_TEST(test::how_it_fails([&] { static_cast<void>(pool.allocate(SIZE_MAX / 2)); }).code ==
               fault_code::impossible_size);
    BOOST_TEST(test::how_it_fails([&] { static_cast<void>(pool.allocate(8, std::size_t{1} << 30)); }).code ==
               fault_code::impossible_alignment);
}

BOOST_AUTO_TEST_SUITE_END()
