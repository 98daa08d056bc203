// SPDX-License-Identifier: MIT OR Apache-2.0
#include "support/test.hpp"

#include "support/dead_memory.hpp"
#include "support/process.hpp"

#include <framealloc/arena/in_flight.hpp>
#include <framealloc/arena/fixed.hpp>
#include <framealloc/smart_alloc_debug.hpp>

#include <numeric>
#include <span>
#include <vector>

using namespace framealloc;

namespace {

template <class... More>
using three_alive = basic_smart_alloc<arena::in_flight<3, arena::chunked<>>, More...>;

/// Writes its number down when it is destroyed.
struct logs_its_end {
    std::vector<int>* log;
    int number;
    ~logs_its_end() { log->push_back(number); }
};

template <class Alloc>
std::span<unsigned> upload(Alloc& alloc, unsigned seed, std::size_t n)
{
    auto const data = alloc.template frame_array<unsigned>(n);
    std::iota(data.begin(), data.end(), seed);
    return data;
}
bool is_whole(std::span<unsigned const> data, unsigned seed)
{
    for (unsigned const& d : data) {
        if (d != seed + static_cast<unsigned>(&d - data.data())) return false;
    }
    return true;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(frames_in_flight)

BOOST_AUTO_TEST_CASE(what_a_frame_has_written_is_there_until_the_third_end)
{
    three_alive<> alloc;
    std::vector<std::span<unsigned>> frames;
    for (unsigned frame = 0; frame < 50; ++frame) {
        alloc.begin_frame();
        frames.push_back(upload(alloc, frame * 1000, 100 + frame * 700));
        for (unsigned back = 0; back < 3 && back <= frame; ++back) {
            BOOST_TEST(is_whole(frames[frame - back], (frame - back) * 1000));
        }
        alloc.end_frame();
    }
}

BOOST_AUTO_TEST_CASE(three_frames_share_three_memories_and_take_no_more)
{
    three_alive<sync::single_threaded> alloc;
    auto const frame = [&] {
        alloc.begin_frame();
        void* const p = upload(alloc, 1, 300'000).data();
        alloc.end_frame();
        return p;
    };
    for (int i = 0; i < 3; ++i) frame();
    std::size_t const calls = alloc.stats().backend_calls;
    std::vector<void*> places;
    for (int i = 0; i < 9; ++i) places.push_back(frame());
    BOOST_TEST(alloc.stats().backend_calls == calls);
    for (std::size_t i = 3; i < places.size(); ++i) {
        BOOST_TEST(places[i] != places[i - 1]);
        BOOST_TEST(places[i] != places[i - 2]);
    }
}

BOOST_AUTO_TEST_CASE(objects_are_destroyed_when_their_frame_goes_and_not_before)
{
    std::vector<int> log;
    {
        three_alive<> alloc;
        for (int frame = 0; frame < 4; ++frame) {
            alloc.begin_frame();
            for (int i = 0; i < 2; ++i) static_cast<void>(alloc.frame_new<logs_its_end>(&log, frame * 10 + i));
            alloc.end_frame();
        }
        // The frames 0 and 1 have gone; 2 and 3 are alive.
        BOOST_TEST(log == (std::vector<int>{1, 0, 11, 10}), boost::test_tools::per_element());
        alloc.begin_frame();
        static_cast<void>(alloc.frame_new<logs_its_end>(&log, 40));
        {
            auto scope = alloc.frame_scope();
            static_cast<void>(scope.frame_new<logs_its_end>(&log, 41));
        }
        BOOST_TEST(log.back() == 41);  // a scope ends what is its own, in the frame that is open
    }
    // The instance ends inside frame 4, which is ended first and so lets 2 go; then 3 and 4 go in their order.
    BOOST_TEST(log == (std::vector<int>{1, 0, 11, 10, 41, 21, 20, 31, 30, 40}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_destructor_may_allocate_in_the_frame_that_is_ending)
{
    struct makes_another {
        three_alive<>* alloc;
        std::vector<int>* log;
        ~makes_another() { static_cast<void>(alloc->frame_new<logs_its_end>(log, 7)); }
    };
    std::vector<int> log;
    three_alive<> alloc;
    alloc.begin_frame();
    static_cast<void>(alloc.frame_new<makes_another>(&alloc, &log));
    alloc.end_frame();
    for (int i = 0; i < 2; ++i) {
        alloc.begin_frame();
        alloc.end_frame();
    }
    // Destroyed at the third end; what it made belongs to that frame, and goes with it.
    BOOST_TEST(log.empty());
    for (int i = 0; i < 2; ++i) {
        alloc.begin_frame();
        alloc.end_frame();
    }
    BOOST_TEST(log == std::vector<int>{7}, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(the_checked_level_fills_a_frame_when_it_goes)
{
    basic_smart_alloc<arena::in_flight<2, arena::fixed<65536>>, diagnostics::checked> alloc;
    alloc.begin_frame();
    auto* const p = static_cast<unsigned char*>(alloc.frame_alloc(layout{.bytes = 64}));
    p[0] = 1;
    alloc.end_frame();
    BOOST_TEST(p[0] == 1);
    alloc.begin_frame();
    alloc.end_frame();
    test::dead(p, 64);
    BOOST_TEST(p[0] == 0xCD);
    BOOST_TEST(p[63] == 0xCD);
}

BOOST_AUTO_TEST_CASE(frames_of_an_ended_thread_stay_and_go_in_their_turn)
{
    three_alive<> alloc;
    std::span<unsigned> left;
    test::on_a_thread([&] {
        alloc.begin_frame();
        left = upload(alloc, 5, 50'000);
        alloc.end_frame();
    });
    BOOST_TEST(is_whole(left, 5));
    static_cast<void>(alloc.trim());
    BOOST_TEST(is_whole(left, 5));
    test::on_a_thread([&] {  // takes the first one's place: one frame more
        alloc.begin_frame();
        static_cast<void>(upload(alloc, 9, 50'000));
        alloc.end_frame();
    });
    BOOST_TEST(is_whole(left, 5));
}

BOOST_AUTO_TEST_CASE(a_thread_can_be_warmed_up_for_all_its_frames)
{
    three_alive<sync::single_threaded> alloc;
    BOOST_TEST(alloc.attach_thread({.frame_bytes = 60'000}));
    std::size_t const calls = alloc.stats().backend_calls;
    for (int frame = 0; frame < 6; ++frame) {
        alloc.begin_frame();
        static_cast<void>(upload(alloc, 1, 10'000));
        alloc.end_frame();
    }
    BOOST_TEST(alloc.stats().backend_calls == calls);
}

BOOST_AUTO_TEST_SUITE_END()
