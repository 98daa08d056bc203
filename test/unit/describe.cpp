// SPDX-License-Identifier: MIT OR Apache-2.0
#include "support/test.hpp"

#include <framealloc/arena/fixed.hpp>
#include <framealloc/arena/in_flight.hpp>
#include <framealloc/backend/fallback.hpp>
#include <framealloc/backend/static_buffer.hpp>
#include <framealloc/describe.hpp>
#include <framealloc/sync/mutex.hpp>

#include <mutex>

using namespace framealloc;

BOOST_AUTO_TEST_SUITE(describe_)

BOOST_AUTO_TEST_CASE(an_assembly_is_told_family_by_family_defaults_included)
{
    constexpr std::string_view text = describe<smart_alloc>();
    BOOST_TEST(text ==
               "backend      backend::split<backend::virtual_memory, backend::system>\n"
               "arena        arena::chunked<64_KiB, 1_MiB, 64>\n"
               "pool         pool::size_class<8, 4_KiB, 64_KiB>\n"
               "sync         sync::lock_free\n"
               "budget       budget::none\n"
               "diagnostics  diagnostics::none");
}

BOOST_AUTO_TEST_CASE(packs_that_mean_the_same_are_told_the_same)
{
    static_assert(describe<basic_smart_alloc<arena::fixed<65536>, sync::single_threaded>>() ==
                  describe<basic_smart_alloc<sync::single_threaded, arena::fixed<65536>>>());
    static_assert(describe<smart_alloc>() != describe<smart_alloc_debug>());
}

BOOST_AUTO_TEST_CASE(policies_of_policies_and_foreign_types_keep_their_names)
{
    using alloc = basic_smart_alloc<backend::fallback<backend::static_buffer<3 << 20>, backend::system>,
                                    arena::in_flight<3, arena::fixed<1'000'000>>, sync::mutex<std::mutex>>;
    constexpr std::string_view text = describe<alloc>();
    BOOST_TEST_INFO(text);
    BOOST_TEST(text.find("backend::fallback<backend::static_buffer<3_MiB, 64>, backend::system>") != text.npos);
    BOOST_TEST(text.find("arena::in_flight<3, arena::fixed<1000000, 64>") != text.npos);
    BOOST_TEST(text.find("sync::mutex<std::mutex>\n") != text.npos);
}

BOOST_AUTO_TEST_SUITE_END()
