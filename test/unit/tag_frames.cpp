// SPDX-License-Identifier: MIT OR Apache-2.0
#include "support/tags.hpp"

#include "support/faults.hpp"
#include "support/process.hpp"

#include <framealloc/backend/faulting.hpp>
#include <framealloc/containers/frame_vector.hpp>
#include <framealloc/diagnostics/counters.hpp>

#include <latch>
#include <thread>

// Frames under tags: bytes are differences of the cursor, whatever rolls back, extends, joins, ends or throws meanwhile.

using namespace framealloc;
using namespace framealloc::test;

namespace {

constexpr layout bytes(std::size_t n) { return {.bytes = n, .align = 16}; }

template <class Alloc>
std::size_t in_frames(Alloc& alloc, allocation_tag const& tag)
{
    return alloc.budgets().usage(tag).frame_bytes;
}
/// The tags' sum is what the cursors say.
template <class Alloc>
void adds_up(Alloc& alloc)
{
    BOOST_TEST(alloc.budgets().total().total_bytes == alloc.stats().frame_bytes_used);
    BOOST_TEST(bool(alloc.verify()));
}

using every_arena = std::tuple<arena::fixed<1 << 20>, arena::chunked<>, arena::chunked<1024, 4096>,
                               arena::virtual_memory<(std::size_t{1} << 26)>>;
using every_flight = std::tuple<arena::in_flight<2, arena::chunked<1024, 4096>>, arena::in_flight<3, arena::chunked<>>,
                                arena::in_flight<3, arena::virtual_memory<(std::size_t{1} << 26)>>>;

}  // namespace

BOOST_AUTO_TEST_SUITE(tag_frames)

BOOST_AUTO_TEST_CASE_TEMPLATE(each_tag_has_what_was_allocated_under_it_padding_included, Arena, every_arena)
{
    tagged<Arena> alloc;
    for (int round = 0; round < 3; ++round) {
        alloc.begin_frame();
        std::size_t expected[2] = {0, 0};
        for (std::size_t i = 0; i < 300; ++i) {
            auto const scope = alloc.tag_scope(i % 3 == 0 ? world : sound);
            std::size_t const before = alloc.stats().frame_bytes_used;
            static_cast<void>(alloc.frame_alloc({.bytes = 1 + i * 7 % 900, .align = std::size_t{1} << (i % 10)}));
            expected[i % 3 != 0] += alloc.stats().frame_bytes_used - before;
            BOOST_TEST_REQUIRE(in_frames(alloc, world) == expected[0]);
            BOOST_TEST_REQUIRE(in_frames(alloc, sound) == expected[1]);
        }
        adds_up(alloc);
        alloc.end_frame();
        adds_up(alloc);
        BOOST_TEST(alloc.budgets().total().total_bytes == 0u);
    }
}

BOOST_AUTO_TEST_CASE(a_first_request_that_is_over_aligned_large_or_refused_is_charged_as_any_other)
{
    for (std::size_t const credit : {std::size_t{0}, std::size_t{65536}}) {
        for (layout const first : {layout{.bytes = 64, .align = 4096}, bytes(500'000), layout{.bytes = 300'000, .align = 1024}}) {
            tagged<> alloc{budget::per_tag{{.credit_bytes = credit}}};
            alloc.begin_frame();
            auto const scope = alloc.tag_scope(world);
            BOOST_TEST(alloc.try_frame_alloc(first));
            adds_up(alloc);
            BOOST_TEST(alloc.try_frame_alloc(bytes(16)));
            adds_up(alloc);
            alloc.end_frame();
            adds_up(alloc);
        }
        tagged<arena::fixed<1024>> fixed{budget::per_tag{{.credit_bytes = credit}}};
        fixed.begin_frame();
        BOOST_TEST(!fixed.try_frame_alloc(bytes(2000)));
        adds_up(fixed);
        BOOST_TEST(fixed.try_frame_alloc(bytes(1000)));
        adds_up(fixed);
        fixed.end_frame();
    }
}

BOOST_AUTO_TEST_CASE(large_requests_and_chunks_are_rolled_back_to_their_tags)
{
    tagged<arena::chunked<1024, 4096>> alloc;
    alloc.begin_frame();
    auto const outer = alloc.tag_scope(world);
    static_cast<void>(alloc.frame_alloc(bytes(500)));
    {
        auto const frame = alloc.frame_scope();
        static_cast<void>(alloc.frame_alloc(bytes(10'000)));
        {
            auto const inner = alloc.tag_scope(sound);
            static_cast<void>(alloc.frame_alloc(bytes(900)));
            static_cast<void>(alloc.frame_alloc(bytes(20'000)));
            static_cast<void>(alloc.frame_alloc(bytes(900)));
        }
        static_cast<void>(alloc.frame_alloc(bytes(2000)));
        BOOST_TEST(in_frames(alloc, world) == 512u + 10'000 + 2000);
        BOOST_TEST(in_frames(alloc, sound) == 2u * 912 + 20'000);
    }
    BOOST_TEST(in_frames(alloc, world) == 512u);
    BOOST_TEST(in_frames(alloc, sound) == 0u);
    adds_up(alloc);
    alloc.end_frame();
}

BOOST_AUTO_TEST_CASE(a_roll_back_across_any_number_of_switches_gives_every_tag_its_own)
{
    // 504 switches fill a block of what is written down.
    for (std::size_t const switches : {1u, 2u, 502u, 503u, 504u, 505u, 506u, 1007u, 1008u, 1009u, 2000u}) {
        for (bool const one_more : {false, true}) {
            tagged<> alloc{without_credit()};
            alloc.begin_frame();
            auto const scope = alloc.tag_scope(ui);
            static_cast<void>(alloc.frame_alloc(bytes(16)));
            checkpoint const outer = alloc.checkpoint();
            std::size_t const at_outer = alloc.stats().frame_bytes_used;
            checkpoint inner;
            std::size_t half[2] = {0, 0};
            for (std::size_t i = 0; i < switches; ++i) {
                auto const own = alloc.tag_scope(i % 2 == 0 ? world : sound);
                if (i == switches / 2) {
                    half[0] = in_frames(alloc, world);
                    half[1] = in_frames(alloc, sound);
                    inner = alloc.checkpoint();
                }
                static_cast<void>(alloc.frame_alloc(bytes(16)));
            }
            if (one_more) alloc.with_tag(joints, [] {});
            adds_up(alloc);
            BOOST_TEST(alloc.rollback(inner));
            BOOST_TEST((in_frames(alloc, world) == half[0] && in_frames(alloc, sound) == half[1]));
            adds_up(alloc);
            BOOST_TEST(alloc.rollback(outer));
            BOOST_TEST((in_frames(alloc, world) == 0 && in_frames(alloc, sound) == 0 && in_frames(alloc, ui) == 16));
            BOOST_TEST(alloc.stats().frame_bytes_used + 64 == at_outer);
            alloc.end_frame();
            adds_up(alloc);
        }
    }
}

BOOST_AUTO_TEST_CASE(scopes_of_frames_and_of_tags_may_cross)
{
    tagged<> alloc;
    alloc.begin_frame();
    {
        auto const tag = alloc.tag_scope(world);
        static_cast<void>(alloc.frame_alloc(bytes(32)));
        {
            auto const frame = alloc.frame_scope();
            static_cast<void>(alloc.frame_alloc(bytes(64)));
            {
                auto const inner = alloc.tag_scope(sound);
                static_cast<void>(alloc.frame_alloc(bytes(128)));
                auto const innermost = alloc.frame_scope();
                static_cast<void>(alloc.frame_alloc(bytes(256)));
                auto const other = alloc.tag_scope(ui);
                static_cast<void>(alloc.frame_alloc(bytes(512)));
                adds_up(alloc);
            }
            BOOST_TEST((in_frames(alloc, world) == 96 && in_frames(alloc, sound) == 128 && in_frames(alloc, ui) == 0));
        }
        BOOST_TEST((in_frames(alloc, world) == 32 && in_frames(alloc, sound) == 0));
        adds_up(alloc);
        // What a guard commits stays where it was charged.
        auto guard = alloc.rollback_guard();
        alloc.with_tag(sound, [&] { static_cast<void>(alloc.frame_alloc(bytes(48))); });
        BOOST_TEST(guard.commit());
        BOOST_TEST(in_frames(alloc, sound) == 48u);
    }
    adds_up(alloc);
    alloc.end_frame();
    adds_up(alloc);
}

BOOST_AUTO_TEST_CASE(what_is_rolled_back_is_not_kept_from_other_threads)
{
    tagged<arena::virtual_memory<(std::size_t{1} << 26)>> alloc{budget::per_tag{{.credit_bytes = 1024}}};
    alloc.budgets().set(world, {.hard = 2'000'000});
    alloc.begin_frame();
    auto const scope = alloc.tag_scope(world);
    {
        auto const frame = alloc.frame_scope();
        for (int i = 0; i < 1000; ++i) static_cast<void>(alloc.frame_alloc(bytes(1600)));
        alloc.with_tag(physics, [&] { static_cast<void>(alloc.frame_alloc(bytes(300'000))); });
    }
    void* const p = alloc.frame_alloc(bytes(1'000'000));
    BOOST_TEST(alloc.try_frame_give_back(p, 1'000'000));
    std::size_t const ahead = 2 * alloc.budgets().credit_bytes(world);
    on_a_thread([&] {
        auto const own = alloc.tag_scope(physics);
        BOOST_TEST(alloc.try_heap_alloc(bytes(2'000'000 - ahead)));
    });
    alloc.end_frame();
}

#if FRAMEALLOC_EXCEPTIONS
BOOST_AUTO_TEST_CASE(a_constructor_that_throws_after_it_has_switched_tags_leaves_every_tag_as_it_was)
{
    tagged<> alloc{without_credit()};
    struct throws {
        explicit throws(tagged<>& a) {
            static_cast<void>(a.frame_alloc(bytes(32)));
            auto const inner = a.tag_scope(sound);
            static_cast<void>(a.frame_alloc(bytes(100'000)));
            static_cast<void>(a.frame_new<std::string>("with a destructor"));
            a.with_tag(ui, [&] { static_cast<void>(a.frame_alloc(bytes(64))); });
            throw 5;
        }
        ~throws() {}
        char own[100];
    };
    alloc.begin_frame();
    auto const scope = alloc.tag_scope(world);
    static_cast<void>(alloc.frame_alloc(bytes(16)));
    auto const nothing_is_left = [&] {
        BOOST_TEST((in_frames(alloc, world) == 16 && in_frames(alloc, sound) == 0 && in_frames(alloc, ui) == 0));
        adds_up(alloc);
    };
    BOOST_CHECK_THROW(alloc.frame_new<throws>(alloc), int);
    nothing_is_left();
    BOOST_CHECK_THROW(static_cast<void>(alloc.frame_box<throws>(alloc)), int);
    nothing_is_left();
    BOOST_CHECK_THROW(static_cast<void>(alloc.try_frame_new<throws>(alloc)), int);
    nothing_is_left();
    alloc.end_frame();
}
#endif

BOOST_AUTO_TEST_CASE_TEMPLATE(the_last_block_grows_and_goes_in_place_and_the_present_tag_pays, Arena, every_arena)
{
    for (std::size_t const credit : {0u, 16u, 65536u}) {
        tagged<Arena> alloc{budget::per_tag{{.credit_bytes = credit}}};
        alloc.begin_frame();
        {
            auto const scope = alloc.tag_scope(world);
            void* const p = alloc.frame_alloc(bytes(64));
            BOOST_TEST(alloc.try_frame_extend(p, 64, 512));
            BOOST_TEST(in_frames(alloc, world) == 512u);
            alloc.budgets().set_total({.hard = 1'000'000});
            BOOST_TEST(!alloc.try_frame_alloc(bytes(1'000'000)));  // which comes after nothing
            BOOST_TEST(alloc.try_frame_extend(p, 512, 16));
            BOOST_TEST(in_frames(alloc, world) == 16u);
            {
                auto const other = alloc.tag_scope(sound);
                BOOST_TEST(alloc.try_frame_extend(p, 16, 160));
                BOOST_TEST((in_frames(alloc, world) == 16 && in_frames(alloc, sound) == 144));
                BOOST_TEST(alloc.try_frame_extend(p, 160, 32));
                BOOST_TEST(in_frames(alloc, sound) == 16u);
                BOOST_TEST(!alloc.try_frame_give_back(p, 32));  // half of it is another tag's
            }
            adds_up(alloc);
            void* const q = alloc.frame_alloc(bytes(100));
            BOOST_TEST(alloc.try_frame_give_back(q, 100));
            adds_up(alloc);
            alloc.budgets().set(world, {.hard = 1000});
            static_cast<void>(alloc.trim());  // what the thread has been credited was under no limit
            void* const r = alloc.frame_alloc(bytes(500));
            BOOST_TEST(!alloc.try_frame_extend(r, 500, 1000));
            BOOST_TEST(alloc.try_frame_extend(r, 500, 900));
            adds_up(alloc);
            alloc.budgets().set(world, {});
        }
        alloc.end_frame();
        adds_up(alloc);
    }
}

BOOST_AUTO_TEST_CASE(a_vector_of_the_frame_grows_under_its_tag)
{
    tagged<> alloc;
    alloc.begin_frame();
    {
        auto const scope = alloc.tag_scope(world);
        frame_vector<int, tagged<>> v{alloc};
        for (int i = 0; i < 5000; ++i) v.push_back(i);
        BOOST_TEST(in_frames(alloc, world) >= 20'000u);
        adds_up(alloc);
    }
    alloc.end_frame();
    adds_up(alloc);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(what_ended_frames_have_used_is_charged_until_they_go, Arena, every_flight)
{
    constexpr std::size_t n = Arena::frames_in_flight;
    for (std::size_t const credit : {0u, 65536u}) {
        tagged<Arena> alloc{budget::per_tag{{.credit_bytes = credit}}};
        std::vector<std::size_t> in_world, in_sound;
        for (std::size_t frame = 0; frame < 20; ++frame) {
            alloc.begin_frame();
            in_world.push_back(frame % 5 == 0 ? 640 : 0);
            in_sound.push_back(frame % 3 == 0 ? 3200 : 16);
            if (in_world.back() != 0) alloc.with_tag(world, [&] { static_cast<void>(alloc.frame_alloc(bytes(640))); });
            alloc.with_tag(sound, [&] { static_cast<void>(alloc.frame_alloc(bytes(in_sound.back()))); });
            for (bool const ended : {false, true}) {
                if (ended) alloc.end_frame();
                std::size_t w = 0, s = 0;
                for (std::size_t i = 0; i < n && i <= frame; ++i) {
                    if (ended && i == n - 1) break;  // its last end has gone by
                    w += in_world[frame - i];
                    s += in_sound[frame - i];
                }
                BOOST_TEST(in_frames(alloc, world) == w);
                BOOST_TEST(in_frames(alloc, sound) == s);
                BOOST_TEST(bool(alloc.verify()));
            }
        }
        static_cast<void>(alloc.trim());
        BOOST_TEST(alloc.budgets().total().credited_bytes == 0u);
        BOOST_TEST(alloc.budgets().total().total_bytes > 0u);  // nobody has ended what is in flight
    }
}

BOOST_AUTO_TEST_CASE(frames_of_all_are_charged_to_the_tags_of_the_threads_that_joined)
{
    tagged<> alloc;
    for (int round = 0; round < 3; ++round) {
        alloc.begin_frame_all();
        std::latch joined{4}, looked{1};
        std::vector<std::thread> threads;
        for (std::size_t t = 0; t < 4; ++t) {
            threads.emplace_back([&, t] {
                auto const scope = alloc.tag_scope(t < 2 ? world : sound);
                static_cast<void>(alloc.frame_alloc(bytes(1600)));
                if (t % 2 == 0) alloc.with_tag(ui, [&] { static_cast<void>(alloc.frame_alloc(bytes(160))); });
                joined.count_down();
                if (t != 3) looked.wait();
            });  // the last one exits inside the frame
        }
        joined.wait();
        threads[3].join();
        BOOST_TEST((in_frames(alloc, world) == 3200 && in_frames(alloc, sound) == 3200 && in_frames(alloc, ui) == 320));
        looked.count_down();
        for (std::size_t t = 0; t < 3; ++t) threads[t].join();
        BOOST_TEST((in_frames(alloc, world) == 3200 && in_frames(alloc, sound) == 3200 && in_frames(alloc, ui) == 320));
        BOOST_TEST(bool(alloc.verify()));
        alloc.end_frame_all();
        BOOST_TEST(alloc.budgets().total().total_bytes == 0u);
        BOOST_TEST(alloc.budgets().total().credited_bytes == 0u);  // nobody is left to spend it
        BOOST_TEST(bool(alloc.verify()));
    }
}

BOOST_AUTO_TEST_CASE(a_thread_may_exit_while_its_shared_frame_is_ended)
{
    for (std::size_t round = 0; round < repetitions(300, 100); ++round) {
        tagged<> alloc;
        alloc.begin_frame_all();
        std::latch done{4};
        std::vector<std::thread> threads;
        for (int t = 0; t < 4; ++t) {
            threads.emplace_back([&] {
                {
                    auto const scope = alloc.tag_scope(world);
                    static_cast<void>(alloc.frame_alloc(bytes(160)));
                }
                done.count_down();
            });
        }
        done.wait();
        alloc.end_frame_all();
        for (std::thread& t : threads) t.join();
        BOOST_TEST(alloc.budgets().total().total_bytes == 0u);
        BOOST_TEST(alloc.budget().node(detail::root_tag).used.load(detail::order::relaxed) == 0u);
        BOOST_TEST(bool(alloc.verify()));
    }
}

BOOST_AUTO_TEST_CASE(finalisers_that_allocate_are_charged_and_over_with_the_frame)
{
    tagged<> alloc;
    static std::size_t at_the_end = 0;
    struct allocates {
        tagged<>* alloc;
        ~allocates() {
            alloc->with_tag(ui, [&] { static_cast<void>(alloc->frame_alloc(bytes(320))); });
            at_the_end = in_frames(*alloc, ui);
        }
    };
    alloc.begin_frame();
    auto const scope = alloc.tag_scope(world);
    alloc.frame_new<allocates>(&alloc);
    {
        auto const frame = alloc.frame_scope();
        alloc.frame_new<allocates>(&alloc);
    }
    BOOST_TEST(at_the_end == 320u);
    BOOST_TEST(in_frames(alloc, ui) == 0u);
    at_the_end = 0;
    alloc.end_frame();
    BOOST_TEST(at_the_end == 320u);
    BOOST_TEST(alloc.budgets().total().total_bytes == 0u);
    BOOST_TEST(bool(alloc.verify()));
}

BOOST_AUTO_TEST_CASE(a_switch_that_cannot_be_written_down_leaves_the_bytes_before_it_right)
{
    using alloc_type = tagged<backend::faulting<backend::system>, arena::chunked<65536, 65536>>;
    alloc_type alloc;
    alloc.begin_frame();
    auto const scope = alloc.tag_scope(world);
    static_cast<void>(alloc.frame_alloc(bytes(16)));
    {
        auto const frame = alloc.frame_scope();
        static_cast<void>(alloc.frame_alloc(bytes(32)));
        alloc.backend().fail_all(backend::fault_plan::from(1));
        alloc.with_tag(sound, [&] {
            // There is nowhere to note whose the bytes before are: so the frame goes on under their tag, as far as that one's
            // credit goes, and no further.
            BOOST_TEST(alloc.try_frame_alloc(bytes(64)));
            BOOST_TEST((in_frames(alloc, world) == 112 && in_frames(alloc, sound) == 0));
            BOOST_TEST(!alloc.try_frame_alloc(bytes(20'000)));
            adds_up(alloc);
        });
        alloc.backend().fail_all(backend::fault_plan::never());
        alloc.with_tag(sound, [&] { BOOST_TEST(alloc.try_frame_alloc(bytes(64))); });
        BOOST_TEST((in_frames(alloc, world) == 112 && in_frames(alloc, sound) == 64));
        adds_up(alloc);
    }
    BOOST_TEST((in_frames(alloc, world) == 16 && in_frames(alloc, sound) == 0));
    adds_up(alloc);
    alloc.end_frame();
    adds_up(alloc);
}

BOOST_AUTO_TEST_SUITE_END()
