// SPDX-License-Identifier: MIT OR Apache-2.0
#include "support/test.hpp"

#include "support/child.hpp"
#include "support/logged.hpp"

#include <framealloc/budget/global.hpp>

#include <set>
#include <string>
#include <vector>

using namespace framealloc;
using test::backend_call;

namespace {

using from_pages = test::logged<backend::virtual_memory>;
using watched_alloc = basic_smart_alloc<from_pages, sync::single_threaded>;

/// What is said when an allocator is built with `config`; empty where it is built.
std::string said_about(alloc_config const& config) {
#if FRAMEALLOC_EXCEPTIONS
    try {
        smart_alloc const alloc{config};
    } catch (configuration_error const& e) {
        return e.what();
    }
    return "";
#else
    auto const child = test::run_in_child([&] {
        smart_alloc const alloc{config};
        return 0;
    });
    return child.aborted() ? child.error_text : "";
#endif
}

void expect_range(std::size_t alloc_config::*field, char const* name, std::size_t least, std::size_t most)
{
    auto const with = [field](std::size_t value) {
        alloc_config config;
        config.*field = value;
        return config;
    };
    BOOST_TEST(said_about(with(least)) == "");
    BOOST_TEST(said_about(with(most)) == "");
    auto const expect_refusal = [&](std::size_t value) {
        std::string const said = said_about(with(value));
        std::string const note = std::string(name) + " is " + std::to_string(value) + "; expected " +
                                 std::to_string(least) + " to " + std::to_string(most);
        BOOST_TEST_CONTEXT(said) {
            BOOST_TEST(said.find("[framealloc][FA902] error: configuration out of range") != std::string::npos);
            BOOST_TEST(said.find(note) != std::string::npos);
        }
    };
    expect_refusal(most + 1);
    expect_refusal(SIZE_MAX);
    if (least > 0) expect_refusal(least - 1);
    if (least > 0) expect_refusal(0);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(configuration)

BOOST_AUTO_TEST_CASE(a_field_out_of_range_is_named_with_its_value_and_range)
{
    expect_range(&alloc_config::heap_cache_bytes, "heap_cache_bytes", 0, std::size_t{1} << 40);
    expect_range(&alloc_config::retained_slabs, "retained_slabs", 0, 65536);
    expect_range(&alloc_config::region_bytes, "region_bytes", 64_KiB, 64_MiB);
}

#if FRAMEALLOC_EXCEPTIONS
BOOST_AUTO_TEST_CASE(a_refused_configuration_has_built_nothing)
{
    test::backend_log log;
    BOOST_CHECK_THROW((watched_alloc{from_pages{log}, alloc_config{.region_bytes = 1}}), configuration_error);
    BOOST_TEST(log.count() == 0u);
}
#endif

BOOST_AUTO_TEST_CASE(without_a_heap_cache_each_block_is_a_backend_call)
{
    auto const calls = [](std::size_t cache_bytes) {
        test::backend_log log;
        watched_alloc alloc{from_pages{log}, alloc_config{.heap_cache_bytes = cache_bytes}};
        for (int i = 0; i < 50; ++i) alloc.heap_free(alloc.heap_alloc(layout{.bytes = 20'000}));
        BOOST_TEST(alloc.stats().heap_bytes_cached <= cache_bytes);
        return log.count(backend_call::allocate);
    };
    BOOST_TEST(calls(0) == 50u);
    BOOST_TEST(calls(20'000) == 50u);  // a block and its head are larger
    BOOST_TEST(calls(64_KiB) == 1u);
}

BOOST_AUTO_TEST_CASE(the_heap_cache_is_as_large_as_configured)
{
    for (std::size_t const limit : {1_MiB, 3_MiB, 30_MiB}) {
        test::backend_log log;
        watched_alloc alloc{from_pages{log}, alloc_config{.heap_cache_bytes = limit}};
        std::vector<void*> blocks;
        for (std::size_t i = 0; i < 60; ++i) blocks.push_back(alloc.heap_alloc(layout{.bytes = 400'000 + i * 30'000}));
        for (void* p : blocks) alloc.heap_free(p);
        BOOST_TEST(alloc.stats().heap_bytes_cached <= limit);
        BOOST_TEST(alloc.stats().heap_bytes_cached > limit / 3);
    }
}

BOOST_AUTO_TEST_CASE(regions_are_reserved_in_the_configured_size)
{
    for (std::size_t const bytes : {64_KiB, 1_MiB, 4_MiB}) {
        test::backend_log log;
        watched_alloc alloc{from_pages{log}, alloc_config{.region_bytes = bytes}};
        alloc.pool_free(alloc.pool_alloc(layout{.bytes = 64}));
        std::vector<std::size_t> const reserved = log.sizes(backend_call::reserve);
        // One for records, whose size is ours, and one region.
        BOOST_TEST((std::multiset<std::size_t>(reserved.begin(), reserved.end()).count(bytes)) >= 1u);
        BOOST_TEST(reserved.size() == 2u);
    }
}

BOOST_AUTO_TEST_CASE(as_many_empty_slabs_are_kept_as_configured)
{
    auto const left = [](std::size_t retained) {
        test::backend_log log;
        watched_alloc alloc{from_pages{log}, alloc_config{.retained_slabs = retained}};
        std::vector<void*> blocks;
        for (int i = 0; i < 30'000; ++i) blocks.push_back(alloc.pool_alloc(layout{.bytes = 1024}));
        for (void* p : blocks) alloc.pool_free(p);
        BOOST_TEST(bool(alloc.verify()));
        return alloc.stats().pool_bytes_reserved;
    };
    std::size_t const none = left(0);
    // At most so many; and a region of sixteen slabs that is empty as a whole goes back as a whole.
    for (std::size_t const retained : {std::size_t{16}, std::size_t{200}}) {
        std::size_t const kept = left(retained) - none;
        BOOST_TEST(kept <= retained * 64_KiB);
        BOOST_TEST(kept > (retained - 16) * 64_KiB);
    }
    BOOST_TEST(left(65536) >= 30'000u * 1024);
}

BOOST_AUTO_TEST_CASE(configuration_and_policy_objects_come_in_any_order)
{
    test::backend_log log;
    using alloc_type = basic_smart_alloc<from_pages, budget::global, sync::single_threaded>;
    alloc_config const config{.heap_cache_bytes = 12'345};
    alloc_type a{config, from_pages{log}, budget::global{1_MiB}};
    alloc_type b{budget::global{1_MiB}, from_pages{log}, config};
    alloc_type c{from_pages{log}, budget::global{1_MiB}};
    for (alloc_type* alloc : {&a, &b, &c}) BOOST_TEST(alloc->budget().limit_bytes() == 1_MiB);
    BOOST_TEST(a.config().heap_cache_bytes == 12'345u);
    BOOST_TEST(b.config().heap_cache_bytes == 12'345u);
    BOOST_TEST(c.config().heap_cache_bytes == 8_MiB);
}

// In the program that this one learns from, every instance had the configuration of the first.
BOOST_AUTO_TEST_CASE(two_instances_on_one_thread_keep_their_own_configuration)
{
    test::backend_log log_of_first;
    test::backend_log log_of_second;
    using alloc_type = basic_smart_alloc<from_pages>;
    alloc_type first{from_pages{log_of_first}, alloc_config{.heap_cache_bytes = 0, .region_bytes = 64_KiB}};
    alloc_type second{from_pages{log_of_second}, alloc_config{.heap_cache_bytes = 1_MiB, .region_bytes = 2_MiB}};
    for (int i = 0; i < 10; ++i) {
        first.heap_free(first.heap_alloc(layout{.bytes = 50'000}));
        second.heap_free(second.heap_alloc(layout{.bytes = 50'000}));
        first.pool_free(first.pool_alloc(layout{.bytes = 50}));
        second.pool_free(second.pool_alloc(layout{.bytes = 50}));
    }
    BOOST_TEST(log_of_first.count(backend_call::allocate) == 10u);
    BOOST_TEST(log_of_second.count(backend_call::allocate) == 1u);
    auto const has = [](test::backend_log const& log, std::size_t bytes) {
        for (std::size_t const n : log.sizes(backend_call::reserve)) {
            if (n == bytes) return true;
        }
        return false;
    };
    BOOST_TEST(has(log_of_second, 2_MiB));
    BOOST_TEST(!has(log_of_first, 2_MiB));
}

static_assert(std::is_constructible_v<smart_alloc, alloc_config>);
static_assert(!std::is_constructible_v<smart_alloc, alloc_config, alloc_config>);      // each at most once
static_assert(!std::is_constructible_v<smart_alloc, budget::global>);                  // not one of its policies
static_assert(!std::is_copy_constructible_v<smart_alloc> && !std::is_move_constructible_v<smart_alloc>);

BOOST_AUTO_TEST_SUITE_END()
