// SPDX-License-Identifier: MIT OR Apache-2.0
#include "support/test.hpp"

#include "support/dead_memory.hpp"
#include "support/faults.hpp"
#include "support/process.hpp"

#include <framealloc/arena/fixed.hpp>
#include <framealloc/diagnostics/counters.hpp>

#include <cstring>
#include <memory>
#include <vector>

// Growing, shrinking and giving back what was allocated last in a frame.

using namespace framealloc;

namespace {

using small_arena = basic_smart_alloc<arena::fixed<4096>, diagnostics::counters>;

template <class Alloc>
std::size_t used(Alloc& alloc) {
    return alloc.stats().frame_bytes_used;
}

/// An instance with a frame open, which ends with it.
template <class Alloc>
struct in_frame : Alloc {
    in_frame() { this->begin_frame(); }
    ~in_frame() { this->end_frame(); }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(frame_extend)

BOOST_AUTO_TEST_CASE(the_last_allocation_grows_and_shrinks_where_it_stands)
{
    in_frame<small_arena> alloc;
    std::size_t const sizes[] = {1, 15, 16, 17, 100, 0, 3000, 64};
    for (std::size_t const align : {std::size_t{1}, std::size_t{16}, std::size_t{128}}) {
        for (std::size_t const from : sizes) {
            auto const mark = alloc.checkpoint();
            void* const p = alloc.frame_alloc(layout{.bytes = from, .align = align});
            std::size_t const start = used(alloc) - detail::round_up(from + (from == 0), granule);
            std::size_t now = from;
            for (std::size_t const to : sizes) {
                BOOST_TEST(alloc.try_frame_extend(p, now, to));
                BOOST_TEST(used(alloc) - start == detail::round_up(to + (to == 0), granule));
                if (to != 0) std::memset(p, 0x5A, to);
                now = to;
            }
            // What comes next comes behind it.
            BOOST_TEST(alloc.frame_alloc(layout{.bytes = 1}) == static_cast<char*>(p) + detail::round_up(now, granule));
            alloc.rollback(mark);
        }
    }
}

BOOST_AUTO_TEST_CASE(what_is_not_last_or_not_of_that_size_is_left_alone)
{
    in_frame<small_arena> alloc;
    void* const first = alloc.frame_alloc(layout{.bytes = 100});
    void* const last = alloc.frame_alloc(layout{.bytes = 200});
    std::size_t const before = used(alloc);
    int elsewhere[16];
    struct {
        void* p;
        std::size_t bytes;
    } const wrong[] = {{first, 100},      {first, 112},      {last, 100},     {last, 300},     {last, 0},
                       {last, SIZE_MAX},  {last, SIZE_MAX - 15}, {nullptr, 0}, {nullptr, 200}, {elsewhere, 64},
                       {static_cast<char*>(last) + 16, 200}, {static_cast<char*>(last) + 208, 0},
                       {static_cast<char*>(last) + 208, SIZE_MAX}, {static_cast<char*>(last) + 224, SIZE_MAX - 31}};
    for (auto const& w : wrong) {
        for (std::size_t const to : {std::size_t{0}, std::size_t{16}, std::size_t{500}}) {
            BOOST_TEST(!alloc.try_frame_extend(w.p, w.bytes, to));
        }
        BOOST_TEST(!alloc.try_frame_give_back(w.p, w.bytes));
    }
    BOOST_TEST(used(alloc) == before);
    BOOST_TEST(alloc.try_frame_extend(last, 200, 208));  // it was there, all the time
}

BOOST_AUTO_TEST_CASE(the_room_that_is_left_can_be_had_to_the_last_byte_and_no_further)
{
    in_frame<small_arena> alloc;
    static_cast<void>(alloc.frame_alloc(layout{.bytes = 96}));
    void* const p = alloc.frame_alloc(layout{.bytes = 1});
    for (std::size_t const too_many : {std::size_t{4001}, std::size_t{1} << 40, SIZE_MAX - 15, SIZE_MAX}) {
        BOOST_TEST(!alloc.try_frame_extend(p, 1, too_many));
    }
    BOOST_TEST(used(alloc) == 112u);
    BOOST_TEST(alloc.try_frame_extend(p, 1, 4000));
    BOOST_TEST(used(alloc) == 4096u);
    BOOST_TEST(alloc.try_frame_alloc(layout{.bytes = 1}) == nullptr);
    BOOST_TEST(alloc.try_frame_give_back(p, 4000));
    BOOST_TEST(alloc.frame_alloc(layout{.bytes = 4000}) == p);
}

BOOST_AUTO_TEST_CASE(outside_a_frame_and_on_another_thread_nothing_is_last)
{
    small_arena alloc;
    int here = 0;
    BOOST_TEST(!alloc.try_frame_extend(&here, sizeof here, 16));  // before the thread has any state
    alloc.begin_frame();
    void* const p = alloc.frame_alloc(layout{.bytes = 32});
    test::on_a_thread([&] {
        BOOST_TEST(!alloc.try_frame_extend(p, 32, 48));
        alloc.begin_frame();
        BOOST_TEST(!alloc.try_frame_give_back(p, 32));
        alloc.end_frame();
    });
    BOOST_TEST(alloc.stats().threads == 1u);
    alloc.end_frame();
    test::fault_recorder const faults;
    BOOST_TEST(!alloc.try_frame_extend(p, 32, 48));
    BOOST_TEST(!alloc.try_frame_give_back(p, 32));
    BOOST_TEST(faults.count() == 0u);  // a question, not a request
}

BOOST_AUTO_TEST_CASE(a_large_block_in_a_chunk_of_its_own_stays_as_it_is)
{
    in_frame<smart_alloc> alloc;
    void* const p = alloc.frame_alloc(layout{.bytes = 3'000'000});
    BOOST_TEST(!alloc.try_frame_extend(p, 3'000'000, 3'000'001));
    BOOST_TEST(!alloc.try_frame_give_back(p, 3'000'000));
}

BOOST_AUTO_TEST_CASE(growth_is_counted_in_bytes_and_not_as_an_allocation)
{
    in_frame<small_arena> alloc;
    void* const p = alloc.frame_alloc(layout{.bytes = 10});
    BOOST_TEST(alloc.try_frame_extend(p, 10, 100));
    BOOST_TEST(alloc.try_frame_extend(p, 100, 40));
    BOOST_TEST(alloc.stats().operations.frame_allocations == 1u);
    BOOST_TEST(alloc.stats().operations.frame_requested_bytes == 100u);
}

BOOST_AUTO_TEST_CASE(nothing_shrinks_below_the_begin_of_an_open_scope)
{
    // The debug assembly fills what a scope gives back, from the scope's begin to the cursor.
    in_frame<smart_alloc_debug> alloc;
    auto* const p = static_cast<unsigned char*>(alloc.frame_alloc(layout{.bytes = 256}));
    std::memset(p, 0x11, 256);
    {
        auto scope = alloc.frame_scope();
        BOOST_TEST(!scope.try_frame_give_back(p, 256));
        BOOST_TEST(!scope.try_frame_extend(p, 256, 16));
        BOOST_TEST(scope.try_frame_extend(p, 256, 512));
        BOOST_TEST(!scope.try_frame_extend(p, 512, 255 - 16));
        BOOST_TEST(scope.try_frame_extend(p, 512, 256));  // to the begin of the scope, exactly
        void* const inner = scope.frame_alloc(layout{.bytes = 64});
        BOOST_TEST(scope.try_frame_give_back(inner, 64));
    }
    BOOST_TEST(p[0] == 0x11);
    BOOST_TEST(p[255] == 0x11);
    BOOST_TEST(used(alloc) == 256u + 48u);  // with its record and its canary
    BOOST_TEST(alloc.try_frame_give_back(p, 256));
    test::dead(p, 256);
    BOOST_TEST(p[0] == 0xCD);
    BOOST_TEST(p[255] == 0xCD);
    BOOST_TEST(used(alloc) == 0u);
}

BOOST_AUTO_TEST_CASE(a_checkpoint_survives_what_is_given_back_behind_it)
{
    in_frame<smart_alloc_debug> alloc;
    void* const kept = alloc.frame_alloc(layout{.bytes = 32});
    auto const mark = alloc.checkpoint();
    BOOST_TEST(!alloc.try_frame_give_back(kept, 32));  // the checkpoint came after it
    void* const p = alloc.frame_alloc(layout{.bytes = 320});
    BOOST_TEST(alloc.try_frame_give_back(p, 320));
    BOOST_TEST(alloc.rollback(mark));
    BOOST_TEST(used(alloc) == 32u + 48u);
    BOOST_TEST(alloc.try_frame_give_back(kept, 32));
}

BOOST_AUTO_TEST_CASE(it_works_through_every_door_and_without_a_slot)
{
    // More instances than a thread has slots: the last ones are found the slow way.
    std::vector<std::unique_ptr<smart_alloc>> many;
    for (int i = 0; i < 20; ++i) {
        many.push_back(std::make_unique<smart_alloc>());
        smart_alloc& alloc = *many.back();
        alloc.begin_frame();
        void* const p = alloc.frame_alloc(layout{.bytes = 16});
        BOOST_TEST(alloc.try_frame_extend(p, 16, 48));
        BOOST_TEST(alloc.ref().try_frame_extend(p, 48, 64));
        BOOST_TEST(alloc.local().try_frame_extend(p, 64, 80));
        BOOST_TEST(alloc.local().try_frame_give_back(p, 80));
        BOOST_TEST(used(alloc) == 0u);
    }
    for (auto& alloc : many) alloc->end_frame();
    in_frame<smart_alloc_single_threaded> single;
    void* const p = single.frame_alloc(layout{.bytes = 16});
    BOOST_TEST(single.try_frame_extend(p, 16, 48));
}

BOOST_AUTO_TEST_SUITE_END()
