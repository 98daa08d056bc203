// SPDX-License-Identifier: MIT OR Apache-2.0
#include "support/test.hpp"

#include "support/faults.hpp"
#include "support/process.hpp"

#include <framealloc/arena/fixed.hpp>
#include <framealloc/backend/counting.hpp>
#include <framealloc/diagnostics/counters.hpp>

#include <array>
#include <atomic>
#include <cstring>
#include <memory>

// Many instances on one thread and on many: each with its own memory, configuration and counters, also those that find
// no slot of their own in the threads.

using namespace framealloc;
using namespace framealloc::test;

namespace {

using counted_alloc = basic_smart_alloc<diagnostics::counters>;
constexpr layout small{.bytes = 64, .align = 16};
constexpr std::size_t many = 20;  // more than the fifteen slots that a thread has
static_assert(many > detail::slot_count);

struct counts_its_end {
    int* ended;
    ~counts_its_end() { ++*ended; }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(several_instances)

BOOST_AUTO_TEST_CASE(two_instances_on_one_thread_are_fully_separate)
{
    fault_recorder faults;
    basic_smart_alloc<arena::fixed<1024>, diagnostics::counters> tight{alloc_config{.heap_cache_bytes = 0}};
    counted_alloc wide;

    tight.begin_frame();
    int* const mine = tight.frame_new<int>(111);
    wide.begin_frame();
    int* const other = wide.frame_new<int>(222);
    wide.end_frame();
    wide.begin_frame();
    *wide.frame_alloc<int>() = 333;
    BOOST_TEST(*mine == 111);  // the other instance's frame has come and gone
    static_cast<void>(other);

    // Configuration: 1 KiB here, growth there; a heap cache there, none here.
    BOOST_TEST(tight.try_frame_alloc(layout{.bytes = 2000, .align = 16}) == nullptr);
    BOOST_TEST(wide.try_frame_alloc(layout{.bytes = 20000000, .align = 16}) != nullptr);
    tight.heap_free(tight.heap_alloc(layout{.bytes = 5000, .align = 16}));
    wide.heap_free(wide.heap_alloc(layout{.bytes = 5000, .align = 16}));
    BOOST_TEST(tight.stats().heap_bytes_cached == 0u);
    BOOST_TEST(wide.stats().heap_bytes_cached >= 5000u);

    // Counters.
    void* const p = tight.pool_alloc(small);
    BOOST_TEST(tight.stats().pool_blocks_live == 1u);
    BOOST_TEST(wide.stats().pool_blocks_live == 0u);
    BOOST_TEST(tight.stats().operations.frame_allocations == 1u);
    BOOST_TEST(wide.stats().operations.frame_allocations == 3u);
    tight.pool_free(p, small);
    wide.end_frame();
    BOOST_TEST(tight.frame_is_open());
    BOOST_TEST(!wide.frame_is_open());
    BOOST_TEST(*mine == 111);
    tight.end_frame();
    BOOST_TEST(faults.count() == 0u);
}

BOOST_AUTO_TEST_CASE(twenty_instances_used_in_turn_stay_correct)
{
    std::array<counted_alloc, many> allocs;
    std::array<int*, many> in_frame{};
    std::array<unsigned char*, many> in_pool{};
    for (std::size_t i = 0; i < many; ++i) allocs[i].begin_frame();
    for (std::size_t i = 0; i < many; ++i) in_frame[i] = allocs[i].frame_new<int>(int(i));
    for (std::size_t i = 0; i < many; ++i) {
        in_pool[i] = static_cast<unsigned char*>(allocs[i].pool_alloc(small));
        std::memset(in_pool[i], int(i), small.bytes);
    }
    for (int round = 0; round < 1000; ++round) {
        for (counted_alloc& a : allocs) a.pool_free(a.pool_alloc(small), small);
    }
    for (std::size_t i = 0; i < many; ++i) {
        BOOST_TEST(*in_frame[i] == int(i));
        BOOST_TEST(in_pool[i][0] == i);
        BOOST_TEST(in_pool[i][63] == i);
        auto const stats = allocs[i].stats();
        BOOST_TEST(stats.pool_blocks_live == 1u);
        BOOST_TEST(stats.pool_bytes_reserved == 64_KiB);
        BOOST_TEST(stats.operations.pool_allocations == 1001u);
        BOOST_TEST(stats.operations.pool_frees == 1000u);
        BOOST_TEST(stats.frame_bytes_used == 16u);
        BOOST_TEST(stats.threads == 1u);
    }
    for (std::size_t i = 0; i < many; ++i) allocs[i].end_frame();
    for (std::size_t i = 0; i < many; ++i) allocs[i].pool_free(in_pool[i], small);
    for (counted_alloc& a : allocs) BOOST_TEST(bool(a.verify()));
}

BOOST_AUTO_TEST_CASE(an_instance_without_a_slot_has_every_verb)
{
    std::array<counted_alloc, many> allocs;
    for (counted_alloc& a : allocs) static_cast<void>(a.attach_thread());
    for (std::size_t i = 0; i < many; ++i) {
        counted_alloc& alloc = allocs[i];
        int ended = 0;
        // A batch and more of blocks, all of them kept: none is given out twice, none is lost.
        std::array<void*, 1000> blocks;
        for (void*& p : blocks) {
            p = alloc.pool_alloc(small);
            std::memset(p, 0x11, small.bytes);
        }
        BOOST_TEST(alloc.stats().pool_blocks_live == 1000u);
        BOOST_TEST(alloc.stats().pool_bytes_reserved == 64_KiB);
        for (void* p : blocks) alloc.pool_free(p, small);
        BOOST_TEST(alloc.stats().pool_blocks_live == 0u);
        {
            auto scope = alloc.frame_scope();
            scope.frame_new<counts_its_end>(&ended);
            alloc.frame_new<counts_its_end>(&ended);
            auto const objects = alloc.try_frame_array<long>(300000);
            BOOST_TEST(objects.size() == 300000u);
            auto mark = alloc.checkpoint();
            alloc.frame_new<counts_its_end>(&ended);
            BOOST_TEST(alloc.rollback(mark));
            BOOST_TEST(ended == 1);
            alloc.local().frame_new<counts_its_end>(&ended);
            alloc.ref().frame_new<counts_its_end>(&ended);
            auto const boxed = alloc.frame_box<counts_its_end>(&ended);
        }
        BOOST_TEST(ended == 6);
        alloc.begin_frame_all();
        alloc.frame_new<counts_its_end>(&ended);
        alloc.end_frame_all();
        BOOST_TEST(ended == 7);
        static_cast<void>(alloc.pool_box<counts_its_end>(&ended));
        static_cast<void>(alloc.heap_box<counts_its_end>(&ended));
        BOOST_TEST(ended == 9);
        BOOST_TEST(alloc.stats().frame_bytes_used == 0u);
        BOOST_TEST(bool(alloc.verify()));
    }
}

BOOST_AUTO_TEST_CASE(twenty_instances_serve_four_threads)
{
    std::array<counted_alloc, many> allocs;
    constexpr std::size_t rounds = repetitions(200, 40);
    on_threads(4, [&](std::size_t t) {
        std::array<void*, many> blocks;
        for (std::size_t round = 0; round < rounds; ++round) {
            for (std::size_t i = 0; i < many; ++i) {
                allocs[i].begin_frame();
                *allocs[i].frame_alloc<std::size_t>() = t;
                blocks[i] = allocs[i].pool_alloc(small);
            }
            for (std::size_t i = 0; i < many; ++i) {
                allocs[i].pool_free(blocks[i], small);
                allocs[i].end_frame();
            }
        }
    });
    for (counted_alloc& a : allocs) {
        BOOST_TEST(a.stats().operations.pool_allocations == 4 * rounds);
        BOOST_TEST(a.stats().frames_begun == 4 * rounds);
        BOOST_TEST(a.stats().pool_blocks_live == 0u);
        BOOST_TEST(bool(a.verify()));
    }
}

BOOST_AUTO_TEST_CASE(a_slot_is_free_again_when_its_instance_ends)
{
    // Were slots not given back, all instances after the fifteenth would share the closed one.
    for (std::size_t i = 0; i < 3 * many; ++i) {
        smart_alloc alloc;
        static_cast<void>(alloc.pool_alloc(small));
        BOOST_TEST(alloc.shared().slot.load(detail::order::relaxed) != detail::shared_slot);
        BOOST_TEST(&alloc.hot() == &alloc.local());
    }
    std::array<std::unique_ptr<smart_alloc>, many> allocs;
    for (auto& a : allocs) {
        a = std::make_unique<smart_alloc>();
        static_cast<void>(a->pool_alloc(small));
    }
    std::size_t without = 0;
    for (auto& a : allocs) without += a->shared().slot.load(detail::order::relaxed) == detail::shared_slot;
    BOOST_TEST(without >= many - (detail::slot_count - 1));
    BOOST_TEST(without < many);
    // The first ones go: their slots serve the next ones.
    for (std::size_t i = 0; i < 3; ++i) allocs[i].reset();
    smart_alloc next;
    static_cast<void>(next.pool_alloc(small));
    BOOST_TEST(&next.hot() == &next.local());
}

BOOST_AUTO_TEST_CASE(an_instance_with_heap_blocks_alone_takes_no_slot)
{
    smart_alloc alloc;
    alloc.heap_free(alloc.heap_alloc(small));
    BOOST_TEST(alloc.id() != 0u);  // known, so that its blocks can be freed by whoever looks for it
    BOOST_TEST(alloc.shared().slot.load(detail::order::relaxed) == detail::shared_slot);
    static_cast<void>(alloc.pool_alloc(small));
    BOOST_TEST(alloc.shared().slot.load(detail::order::relaxed) != detail::shared_slot);
}

BOOST_AUTO_TEST_CASE(a_thread_never_finds_the_state_of_an_instance_that_has_ended)
{
    // The new instance has the place of the old one, and its slot; the thread still knows both.
    alignas(smart_alloc) unsigned char place[sizeof(smart_alloc)];
    for (int i = 0; i < 50; ++i) {
        auto* const alloc = ::new (static_cast<void*>(place)) smart_alloc;
        BOOST_TEST(!alloc->frame_is_open());
        BOOST_TEST(alloc->frame_number() == 0u);
        alloc->begin_frame();
        int* const p = alloc->frame_new<int>(i);
        void* const q = alloc->pool_alloc(small);
        static_cast<void>(q);
        BOOST_TEST(*p == i);
        BOOST_TEST(alloc->stats().pool_blocks_live == 1u);
        alloc->~smart_alloc();
    }
}

BOOST_AUTO_TEST_CASE(a_block_of_another_instance_is_refused_where_that_is_seen)
{
    fault_recorder faults;
    smart_alloc_debug first, second;
    void* const p = first.pool_alloc(small);
    void* const q = first.heap_alloc(layout{.bytes = 9000, .align = 16});
    second.pool_free(p, small);
    BOOST_TEST(faults.last() == fault_code::foreign_pointer);
    second.pool_free(p);
    BOOST_TEST(faults.last() == fault_code::foreign_pointer);
    second.heap_free(q);
    BOOST_TEST(faults.count() == 3u);
    BOOST_TEST(first.usable_size(p) == 64u);
    BOOST_TEST(second.usable_size(p) == 0u);
    first.pool_free(p, small);
    first.heap_free(q);
    BOOST_TEST(faults.count() == 3u);
    BOOST_TEST(first.stats().pool_blocks_live == 0u);
    BOOST_TEST(first.stats().heap_blocks_live == 0u);
}

BOOST_AUTO_TEST_SUITE_END()
