// SPDX-License-Identifier: MIT OR Apache-2.0
#include "support/test.hpp"

#include "support/faults.hpp"

#include <framealloc/backend/faulting.hpp>
#include <framealloc/budget/per_tag.hpp>
#include <framealloc/heap_backend.hpp>
#include <framealloc/object_pool/concurrent_pool.hpp>
#include <framealloc/object_pool/growing_pool.hpp>
#include <framealloc/smart_alloc_debug.hpp>
#include <framealloc/tag_budgets.hpp>
#include <framealloc/tag_scope.hpp>
#include <framealloc/testing/backend.hpp>

#include <string>

using namespace framealloc;
using namespace framealloc::test;

BOOST_AUTO_TEST_SUITE(the_heap_of_an_allocator_as_a_backend)

BOOST_AUTO_TEST_CASE(it_keeps_what_backends_promise)
{
    smart_alloc_debug alloc;
    heap_backend backend{alloc};
    static_assert(BackendPolicy<heap_backend<smart_alloc_debug>> && backend_is_thread_safe<heap_backend<smart_alloc>>);
    static_assert(!backend_is_thread_safe<heap_backend<smart_alloc_single_threaded>>);
    testing::conformance_report const report = testing::check_backend(backend);
    BOOST_TEST(report.passed(), report.text());
    BOOST_TEST(alloc.stats().heap_blocks_live == 0u);
}

BOOST_AUTO_TEST_CASE(a_pool_over_it_takes_its_chunks_from_the_allocator_and_gives_them_back)
{
    smart_alloc_debug alloc;
    {
        growing_pool<std::string, heap_backend<smart_alloc_debug>> pool{{.capacity = 10}, heap_backend{alloc}};
        BOOST_TEST(alloc.stats().heap_blocks_live == 1u);
        auto const one = pool.make("a string that is too long to lie within itself");
        BOOST_TEST(pool.try_reserve(100));
        BOOST_TEST(alloc.stats().heap_blocks_live == 2u);
        BOOST_TEST(alloc.stats().heap_bytes_live >= pool.stats().bytes);
        BOOST_TEST(pool.shrink() > 0u);
        BOOST_TEST(alloc.stats().heap_blocks_live == 1u);
    }
    BOOST_TEST(alloc.stats().heap_blocks_live == 0u);
}

BOOST_AUTO_TEST_CASE(the_tag_under_which_a_pool_grows_is_charged_and_its_limit_refuses)
{
    using tagged = basic_smart_alloc<budget::per_tag>;
    fault_recorder const faults;
    tagged alloc;
    constexpr allocation_tag entities{"heap_backend_test"};
    alloc.budgets().set(entities, {.hard = 64 << 10});
    auto const scope = alloc.tag_scope(entities);
    growing_pool<std::string, heap_backend<tagged>> pool{{.capacity = 100}, heap_backend{alloc}};
    std::size_t const charged = alloc.budgets().usage(entities).heap_bytes;
    BOOST_TEST(charged >= pool.stats().bytes);
    BOOST_TEST(!pool.try_reserve(1'000'000));
    BOOST_TEST(pool.capacity() == 100u);
    BOOST_TEST(alloc.budgets().usage(entities).heap_bytes == charged);
}

BOOST_AUTO_TEST_SUITE_END()
