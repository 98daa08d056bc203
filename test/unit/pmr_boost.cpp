// SPDX-License-Identifier: MIT OR Apache-2.0
#include "support/test.hpp"

#include "support/resources.hpp"

#include <framealloc/integration/boost_pmr.hpp>

#include <boost/container/pmr/vector.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

using namespace framealloc;

BOOST_AUTO_TEST_SUITE(pmr_boost)

BOOST_AUTO_TEST_CASE(resources_serve_every_size_and_alignment_and_take_it_back)
{
    test::resources_keep_their_promises<boost::container::pmr::memory_resource, boost_pmr::frame_resource,
                                        boost_pmr::pool_resource, boost_pmr::heap_resource>();
}

BOOST_AUTO_TEST_CASE(containers_of_boost_take_them)
{
    smart_alloc_debug alloc;
    boost_pmr::pool_resource pool{alloc};
    {
        boost::container::pmr::vector<int> numbers{&pool};
        for (int i = 0; i < 100; ++i) numbers.push_back(i);
        BOOST_TEST(alloc.stats().pool_blocks_live == 1u);
        BOOST_TEST(numbers[99] == 99);
    }
    BOOST_TEST(alloc.stats().pool_blocks_live == 0u);
}

BOOST_AUTO_TEST_CASE(json_of_boost_is_parsed_into_them)
{
    smart_alloc_debug alloc;
    test::fault_recorder const faults;
    boost_pmr::pool_resource pool{alloc};
    boost_pmr::frame_resource frame{alloc};
    char const* const text = R"({"name":"The Long Quiet","bodies":[1,2.5,{"kind":"ship","tags":["a","b",null]}]})";
    {
        boost::json::value level = boost::json::parse(text, &pool);
        std::size_t const whole = alloc.stats().pool_blocks_live;
        BOOST_TEST(whole > 4u);
        alloc.begin_frame();
        {
            boost::json::value const scratch(level, &frame);
            BOOST_TEST(boost::json::serialize(scratch).size() == boost::json::serialize(level).size());
            BOOST_TEST(alloc.stats().pool_blocks_live == whole);
            BOOST_TEST(alloc.stats().frame_bytes_used > 0u);
        }
        alloc.end_frame();
        level.as_object()["bodies"].as_array().push_back(7);
        BOOST_TEST(level.at("bodies").as_array().size() == 4u);
    }
    BOOST_TEST(alloc.stats().pool_blocks_live + alloc.stats().heap_blocks_live == 0u);
    BOOST_TEST(faults.count() == 0u);
}

BOOST_AUTO_TEST_SUITE_END()
