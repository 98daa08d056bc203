// SPDX-License-Identifier: MIT OR Apache-2.0
#include "support/test.hpp"

#include <framealloc/pool/fine_size_class.hpp>
#include <framealloc/pool/none.hpp>
#include <framealloc/sync/mutex.hpp>
#include <framealloc/sync/owner_queue.hpp>

#include <algorithm>
#include <mutex>
#include <utility>
#include <vector>

using namespace framealloc;

namespace {

using one_thread = smart_alloc_single_threaded;
/// The class of blocks of 256 bytes.
constexpr std::size_t of_256 = 5;

/// Fills whole slabs with blocks of 256 bytes.
template <class Alloc>
std::vector<void*> fill_slabs(Alloc& alloc, std::size_t slabs) {
    std::vector<void*> blocks;
    auto const take = [&] { blocks.push_back(alloc.pool_alloc(layout{.bytes = 256})); };
    take();
    std::size_t const all = alloc.size_classes()[of_256].block_count * slabs;
    while (blocks.size() < all) take();
    BOOST_TEST_REQUIRE(alloc.size_classes()[of_256].slabs == slabs);
    return blocks;
}

/// Frees the blocks that `gone(place)` answers true for, and settles them.
template <class Alloc, class Gone>
void free_some(Alloc& alloc, std::vector<void*> const& blocks, Gone gone) {
    for (std::size_t i = 0; i < blocks.size(); ++i) {
        if (gone(i)) alloc.pool_free(blocks[i], layout{.bytes = 256});
    }
    alloc.trim();
}

}  // namespace

BOOST_AUTO_TEST_SUITE(size_class_statistics)

BOOST_AUTO_TEST_CASE(classes_without_a_slab_are_empty_and_not_fragmented)
{
    one_thread alloc;
    auto const classes = alloc.size_classes();
    BOOST_TEST_REQUIRE(classes.size() == 10u);
    for (std::size_t i = 0; i < classes.size(); ++i) {
        BOOST_TEST((classes[i] == size_class_stats{.block_bytes = std::size_t{8} << i}));
        BOOST_TEST(classes[i].fragmentation() == 0.0);
    }
    smart_alloc_minimal without_pools;
    BOOST_TEST(without_pools.size_classes().size() == 0u);
    basic_smart_alloc<pool::fine_size_class<1024>> fine;
    BOOST_TEST(fine.size_classes()[1].block_bytes == decltype(fine)::assembly_type::pool::class_bytes(1));
}

BOOST_AUTO_TEST_CASE(full_slabs_are_not_fragmented)
{
    one_thread alloc;
    auto const blocks = fill_slabs(alloc, 3);
    size_class_stats const c = alloc.size_classes()[of_256];
    BOOST_TEST(c.blocks_live == blocks.size());
    BOOST_TEST(c.blocks_cached == 0u);
    BOOST_TEST(c.block_count == blocks.size());
    BOOST_TEST(c.bytes_reserved == 3u * 65536);
    BOOST_TEST(c.largest_free_run_bytes == 0u);
    BOOST_TEST(c.fragmentation() == 0.0);
    BOOST_TEST(c.block_count * 256 > c.bytes_reserved * 99 / 100);  // the rest is the slabs' heads
}

BOOST_AUTO_TEST_CASE(every_second_block_freed_is_half_and_no_two_free_ones_are_neighbours)
{
    one_thread alloc;
    auto const blocks = fill_slabs(alloc, 2);
    std::vector<void*> in_order = blocks;
    std::sort(in_order.begin(), in_order.end());
    free_some(alloc, in_order, [](std::size_t i) { return i % 2 == 0; });
    size_class_stats const c = alloc.size_classes()[of_256];
    BOOST_TEST(c.slabs == 2u);
    BOOST_TEST(c.blocks_live == (blocks.size()) / 2);
    BOOST_TEST(c.blocks_cached == 0u);
    // The number of blocks in a slab may be odd.
    BOOST_TEST(c.fragmentation() == double(blocks.size() - blocks.size() / 2) / double(blocks.size()));
    BOOST_TEST(c.fragmentation() < 0.505);
    BOOST_TEST(c.fragmentation() >= 0.5);
    BOOST_TEST(c.largest_free_run_bytes == 256u);
}

BOOST_AUTO_TEST_CASE(the_first_half_of_a_slab_freed_is_half_and_one_run)
{
    one_thread alloc;
    std::vector<void*> in_order = fill_slabs(alloc, 1);
    std::sort(in_order.begin(), in_order.end());
    std::size_t const half = in_order.size() / 2;
    free_some(alloc, in_order, [&](std::size_t i) { return i < half; });
    size_class_stats const c = alloc.size_classes()[of_256];
    BOOST_TEST(c.largest_free_run_bytes == half * 256);
    BOOST_TEST(c.fragmentation() == double(half) / double(in_order.size()));
}

BOOST_AUTO_TEST_CASE(one_block_that_keeps_each_slab_is_nearly_all_fragmented)
{
    one_thread alloc;
    std::vector<void*> in_order = fill_slabs(alloc, 4);
    std::sort(in_order.begin(), in_order.end());
    std::size_t const in_slab = in_order.size() / 4;
    free_some(alloc, in_order, [&](std::size_t i) { return i % in_slab != 0; });
    size_class_stats const c = alloc.size_classes()[of_256];
    BOOST_TEST(c.slabs == 4u);
    BOOST_TEST(c.blocks_live == 4u);
    BOOST_TEST(c.fragmentation() == double(in_slab - 1) / double(in_slab));
    BOOST_TEST(c.fragmentation() > 0.99);
    BOOST_TEST(c.largest_free_run_bytes == (in_slab - 1) * 256);
}

BOOST_AUTO_TEST_CASE(what_was_never_carved_is_a_free_run_and_what_is_cached_is_none)
{
    one_thread alloc;
    void* const first = alloc.pool_alloc(layout{.bytes = 256});  // carves eight
    size_class_stats const c = alloc.size_classes()[of_256];
    BOOST_TEST(c.blocks_live == 1u);
    BOOST_TEST(c.blocks_cached == 7u);
    BOOST_TEST(c.largest_free_run_bytes == (c.block_count - 8) * 256);
    alloc.pool_free(first, layout{.bytes = 256});
    BOOST_TEST(alloc.size_classes()[of_256].blocks_cached == 8u);
    BOOST_TEST(alloc.size_classes()[of_256].fragmentation() == 1.0);
    alloc.trim();
    BOOST_TEST((alloc.size_classes()[of_256] == size_class_stats{.block_bytes = 256}));
}

BOOST_AUTO_TEST_CASE(the_classes_together_are_what_the_instance_tells)
{
    auto const check = [](auto& alloc) {
        std::vector<std::pair<void*, layout>> blocks;
        for (std::size_t i = 0; i < 5000; ++i) {
            layout const request{.bytes = i * 7 % 4096 + 1};
            blocks.emplace_back(alloc.pool_alloc(request), request);
            if (i % 3 == 0) {
                alloc.pool_free(blocks[i / 2].first, blocks[i / 2].second);
                blocks[i / 2].first = alloc.pool_alloc(blocks[i / 2].second);
            }
        }
        for (std::size_t i = 0; i < blocks.size(); i += 2) alloc.pool_free(blocks[i].first, blocks[i].second);
        alloc_stats const s = alloc.stats();
        std::size_t live = 0, live_bytes = 0, cached_bytes = 0, reserved = 0;
        for (size_class_stats const& c : alloc.size_classes()) {
            live += c.blocks_live;
            live_bytes += c.blocks_live * c.block_bytes;
            cached_bytes += c.blocks_cached * c.block_bytes;
            reserved += c.bytes_reserved;
            BOOST_TEST(c.blocks_live + c.blocks_cached <= c.block_count);
            BOOST_TEST(c.largest_free_run_bytes <= (c.block_count - c.blocks_live - c.blocks_cached) * c.block_bytes);
        }
        BOOST_TEST(live == 2500u);
        BOOST_TEST(live == s.pool_blocks_live);
        BOOST_TEST(live_bytes == s.pool_bytes_live);
        BOOST_TEST(cached_bytes == s.pool_bytes_cached);
        BOOST_TEST(reserved <= s.pool_bytes_reserved);  // which has empty slabs that are kept ready, too
        BOOST_TEST(s.pool_bytes_out_peak >= live_bytes + cached_bytes);
        BOOST_TEST(bool(alloc.verify()));
    };
    smart_alloc lock_free;
    one_thread alone;
    basic_smart_alloc<sync::mutex<std::mutex>> locked;
    basic_smart_alloc<sync::owner_queue> queued;
    check(lock_free);
    check(alone);
    check(locked);
    check(queued);
}

BOOST_AUTO_TEST_SUITE_END()
