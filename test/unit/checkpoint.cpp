// SPDX-License-Identifier: MIT OR Apache-2.0
#include "support/test.hpp"

#include "support/failing.hpp"
#include "support/faults.hpp"
#include "support/logged.hpp"

#include <cstring>
#include <optional>
#include <string>
#include <thread>
#include <utility>

using namespace framealloc;
using test::fault_recorder;

namespace {

struct noted {
    std::string& diary;
    char letter;
    ~noted() { diary += letter; }
};

/// The allocator, with a frame open, and its used bytes.
struct in_frame {
    smart_alloc alloc;
    std::string diary;
    in_frame() { alloc.begin_frame(); }
    ~in_frame() { alloc.end_frame(); }
    void note(char letter) { alloc.frame_new<noted>(diary, letter); }
    std::size_t used() { return alloc.stats().frame_bytes_used; }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(checkpoints)

BOOST_FIXTURE_TEST_CASE(a_rollback_takes_back_everything_since_the_checkpoint, in_frame)
{
    note('a');
    std::size_t const before = used();
    auto const mark = alloc.checkpoint();
    BOOST_TEST(bool(mark));
    BOOST_TEST(used() == before + 64);  // what a checkpoint is documented to cost
    note('b');
    note('c');
    BOOST_TEST(alloc.rollback(mark));
    BOOST_TEST(diary == "cb");
    BOOST_TEST(used() == before);
}

BOOST_FIXTURE_TEST_CASE(a_second_rollback_is_reported_and_moves_nothing, in_frame)
{
    auto const mark = alloc.checkpoint();
    BOOST_TEST(alloc.rollback(mark));
    note('x');
    std::size_t const before = used();
    fault_recorder const faults;
    BOOST_TEST(!alloc.rollback(mark));
    BOOST_TEST(faults.last() == fault_code::checkpoint_not_live);
    BOOST_TEST(used() == before);
    BOOST_TEST(diary == "");
}

BOOST_FIXTURE_TEST_CASE(a_mark_made_anew_in_the_same_place_does_not_revive_a_dead_one, in_frame)
{
    auto const dead = alloc.checkpoint();
    BOOST_TEST(alloc.rollback(dead));
    auto const fresh = alloc.checkpoint();
    BOOST_TEST(fresh.mark() == dead.mark());
    note('x');
    fault_recorder const faults;
    BOOST_TEST(!alloc.rollback(dead));
    BOOST_TEST(faults.last() == fault_code::checkpoint_not_live);
    BOOST_TEST(diary == "");
    BOOST_TEST(alloc.rollback(fresh));
    BOOST_TEST(diary == "x");
}

BOOST_FIXTURE_TEST_CASE(rolling_back_to_an_older_checkpoint_kills_the_newer_ones, in_frame)
{
    auto const older = alloc.checkpoint();
    note('a');
    auto const newer = alloc.checkpoint();
    note('b');
    BOOST_TEST(alloc.rollback(older));
    BOOST_TEST(diary == "ba");
    note('c');
    std::size_t const before = used();
    fault_recorder const faults;
    BOOST_TEST(!alloc.rollback(newer));
    BOOST_TEST(faults.last() == fault_code::checkpoint_not_live);
    BOOST_TEST(used() == before);
    BOOST_TEST(diary == "ba");
}

BOOST_FIXTURE_TEST_CASE(a_checkpoint_dies_with_its_frame, in_frame)
{
    auto const mark = alloc.checkpoint();
    alloc.end_frame();
    fault_recorder const faults;
    BOOST_TEST(!alloc.rollback(mark));
    alloc.begin_frame();
    note('n');
    BOOST_TEST(!alloc.rollback(mark));
    auto const now = alloc.checkpoint();
    BOOST_TEST(!alloc.rollback(mark));
    BOOST_TEST(faults.count() == 3u);
    BOOST_TEST(faults.last() == fault_code::checkpoint_not_live);
    BOOST_TEST(diary == "");
    BOOST_TEST(alloc.rollback(now));
}

BOOST_FIXTURE_TEST_CASE(a_checkpoint_dies_with_its_scope, in_frame)
{
    checkpoint mark;
    {
        auto scope = alloc.frame_scope();
        mark = alloc.checkpoint();
    }
    note('n');
    fault_recorder const faults;
    BOOST_TEST(!alloc.rollback(mark));
    BOOST_TEST(faults.last() == fault_code::checkpoint_not_live);
    BOOST_TEST(diary == "");
}

BOOST_FIXTURE_TEST_CASE(a_rollback_past_an_open_scope_is_reported_and_the_scope_goes_on, in_frame)
{
    auto const mark = alloc.checkpoint();
    {
        auto scope = alloc.frame_scope();
        note('s');
        fault_recorder const faults;
        BOOST_TEST(!alloc.rollback(mark));
        BOOST_TEST(faults.last() == fault_code::checkpoint_not_live);
        BOOST_TEST(diary == "");
    }
    BOOST_TEST(diary == "s");
    BOOST_TEST(alloc.rollback(mark));  // the scope has ended: now it is in order
}

BOOST_FIXTURE_TEST_CASE(a_checkpoint_moved_from_or_empty_is_refused, in_frame)
{
    auto mark = alloc.checkpoint();
    auto moved = std::move(mark);
    note('a');
    fault_recorder const faults;
    BOOST_TEST(!bool(mark));
    BOOST_TEST(!alloc.rollback(mark));
    BOOST_TEST(faults.last() == fault_code::checkpoint_not_live);
    BOOST_TEST(!alloc.rollback(checkpoint{}));
    BOOST_TEST(faults.last() == fault_code::checkpoint_not_live);
    BOOST_TEST(diary == "");
    auto& alias = moved;
    moved = std::move(alias);  // to itself: it stays what it was
    BOOST_TEST(alloc.rollback(moved));
    BOOST_TEST(diary == "a");
    BOOST_TEST(faults.count() == 2u);
}

BOOST_AUTO_TEST_CASE(a_checkpoint_of_another_instance_is_refused)
{
    smart_alloc first;
    smart_alloc second;
    first.begin_frame();
    second.begin_frame();
    auto const mark = first.checkpoint();
    static_cast<void>(second.frame_alloc<int>());
    fault_recorder const faults;
    BOOST_TEST(!second.rollback(mark));
    BOOST_TEST(faults.last() == fault_code::frame_of_another_thread);
    BOOST_TEST(second.stats().frame_bytes_used == granule);
    BOOST_TEST(first.rollback(mark));
    second.end_frame();
    first.end_frame();
}

BOOST_AUTO_TEST_CASE(a_checkpoint_of_another_thread_is_refused_and_neither_frame_moves)
{
    smart_alloc alloc;
    alloc.begin_frame();
    auto const mark = alloc.checkpoint();
    int* const ours = alloc.frame_new<int>(111);
    fault_recorder const faults;
    std::thread([&] {
        BOOST_TEST(!alloc.rollback(mark));  // a thread that has no state yet
        alloc.begin_frame();
        int* const theirs = alloc.frame_new<int>(222);
        BOOST_TEST(!alloc.rollback(mark));
        BOOST_TEST(alloc.frame_new<int>(333) != theirs);
        BOOST_TEST(*theirs == 222);
        alloc.end_frame();
    }).join();
    BOOST_TEST(faults.count() == 2u);
    BOOST_TEST(faults.last() == fault_code::frame_of_another_thread);
    BOOST_TEST(alloc.frame_new<int>(444) != ours);
    BOOST_TEST(*ours == 111);
    BOOST_TEST(alloc.rollback(mark));
    alloc.end_frame();
}

BOOST_AUTO_TEST_CASE(a_checkpoint_outside_a_frame_is_refused)
{
    smart_alloc alloc;
    auto const seen = test::how_it_fails([&] { static_cast<void>(alloc.checkpoint()); });
    BOOST_TEST(seen.code == fault_code::frame_not_open);
    auto const guarded = test::how_it_fails([&] { auto const guard = alloc.rollback_guard(); });
    BOOST_TEST(guarded.code == fault_code::frame_not_open);
    fault_recorder const faults;
    alloc.begin_frame();
    alloc.end_frame();
    BOOST_TEST(faults.count() == 0u);
}

BOOST_AUTO_TEST_CASE(chunks_taken_since_go_back_at_a_rollback)
{
    test::backend_log log;
    basic_smart_alloc<test::logged<backend::system>, sync::single_threaded> alloc{test::logged<backend::system>{log}};
    alloc.begin_frame();
    auto* const first = static_cast<char*>(alloc.frame_alloc(layout{.bytes = 1000}));
    std::memset(first, 0x5A, 1000);
    std::size_t calls = 0;
    for (int round = 0; round < 4; ++round) {
        auto const mark = alloc.checkpoint();
        for (int i = 0; i < 30; ++i) std::memset(alloc.frame_alloc(layout{.bytes = 40'000}), round, 40'000);
        std::memset(alloc.frame_alloc(layout{.bytes = 3'000'000}), round, 3'000'000);
        std::memset(alloc.frame_alloc(layout{.bytes = 2'000'000}), round, 2'000'000);
        BOOST_TEST(alloc.rollback(mark));
        BOOST_TEST(alloc.stats().frame_bytes_used == 1008u);
        BOOST_TEST(alloc.stats().frame_bytes_reserved == 65'536u);
        if (round == 0) calls = log.count();
    }
    BOOST_TEST(log.count() == calls);
    bool intact = true;
    for (int i = 0; i < 1000; ++i) intact = intact && first[i] == 0x5A;
    BOOST_TEST(intact);
    alloc.end_frame();
}

BOOST_AUTO_TEST_CASE(a_rollback_between_two_large_chunks_keeps_the_first)
{
    smart_alloc alloc;
    alloc.begin_frame();
    auto* const kept = static_cast<char*>(alloc.frame_alloc(layout{.bytes = 2'000'000}));
    std::memset(kept, 0x11, 2'000'000);
    auto const mark = alloc.checkpoint();
    auto* const lost = static_cast<char*>(alloc.frame_alloc(layout{.bytes = 2'000'000}));
    std::memset(lost, 0x22, 2'000'000);
    std::size_t const used = alloc.stats().frame_bytes_used;
    BOOST_TEST(alloc.rollback(mark));
    BOOST_TEST(alloc.stats().frame_bytes_used == used - 2'000'000 - 64);
    BOOST_TEST(alloc.frame_alloc(layout{.bytes = 2'000'000}) == lost);
    BOOST_TEST(kept[0] == 0x11);
    BOOST_TEST(kept[1'999'999] == 0x11);
    alloc.end_frame();
}

BOOST_AUTO_TEST_CASE(the_first_request_of_a_frame_may_be_a_checkpoint)
{
    smart_alloc alloc;
    for (int round = 0; round < 2; ++round) {  // without a chunk, and with the one that the last frame has left
        alloc.begin_frame();
        auto const mark = alloc.checkpoint();
        int* const p = alloc.frame_new<int>(1);
        BOOST_TEST(alloc.rollback(mark));
        BOOST_TEST(alloc.stats().frame_bytes_used == 0u);
        BOOST_TEST(alloc.frame_new<int>(2) < p);
        alloc.end_frame();
    }
}

BOOST_AUTO_TEST_CASE(a_thread_may_join_the_frame_of_all_by_a_checkpoint)
{
    smart_alloc alloc;
    for (int round = 0; round < 2; ++round) {
        alloc.begin_frame_all();
        auto const mark = alloc.checkpoint();
        int* const p = alloc.frame_new<int>(1);
        BOOST_TEST(alloc.rollback(mark));
        int* const again = alloc.frame_new<int>(2);
        BOOST_TEST(again != nullptr);
        BOOST_TEST(again < p);
        BOOST_TEST(alloc.stats().frame_bytes_used == granule);
        alloc.end_frame_all();
    }
}

BOOST_FIXTURE_TEST_CASE(a_guard_rolls_back_unless_it_is_committed, in_frame)
{
    note('a');
    std::size_t const before = used();
    {
        auto guard = alloc.rollback_guard();
        note('b');
    }
    BOOST_TEST(diary == "b");
    BOOST_TEST(used() == before);
    {
        auto guard = alloc.rollback_guard();
        note('c');
        BOOST_TEST(guard.commit());
        note('d');
    }
    BOOST_TEST(diary == "b");
    BOOST_TEST(used() > before);
}

BOOST_FIXTURE_TEST_CASE(guards_nest_and_commit_one_by_one, in_frame)
{
    {
        auto outer = alloc.rollback_guard();
        note('a');
        {
            auto inner = alloc.rollback_guard();
            note('b');
            BOOST_TEST(inner.commit());
        }
        BOOST_TEST(diary == "");
        {
            auto inner = alloc.rollback_guard();
            note('c');
        }
        BOOST_TEST(diary == "c");
    }
    BOOST_TEST(diary == "cba");  // what the inner guard had kept goes with the outer one
    BOOST_TEST(used() == 0u);
}

BOOST_FIXTURE_TEST_CASE(committing_twice_or_after_the_frame_is_reported, in_frame)
{
    fault_recorder const faults;
    {
        auto guard = alloc.rollback_guard();
        BOOST_TEST(guard.commit());
        BOOST_TEST(!guard.commit());
        BOOST_TEST(faults.count() == 1u);
    }
    BOOST_TEST(faults.count() == 1u);
    {
        auto guard = alloc.rollback_guard();
        alloc.end_frame();
        alloc.begin_frame();
        note('n');
    }
    BOOST_TEST(faults.count() == 2u);
    BOOST_TEST(faults.last() == fault_code::checkpoint_not_live);
    BOOST_TEST(diary == "");
}

#if FRAMEALLOC_EXCEPTIONS
BOOST_FIXTURE_TEST_CASE(a_guard_rolls_back_when_an_exception_passes, in_frame)
{
    BOOST_CHECK_THROW(
        {
            auto guard = alloc.rollback_guard();
            note('a');
            throw 1;
        },
        int);
    BOOST_TEST(diary == "a");
    BOOST_TEST(used() == 0u);
}

BOOST_FIXTURE_TEST_CASE(a_checkpoint_taken_by_a_constructor_that_throws_is_gone_with_it, in_frame)
{
    static std::optional<checkpoint> taken;
    struct takes_one_and_throws {
        explicit takes_one_and_throws(smart_alloc& a) {
            taken.emplace(a.checkpoint());
            throw 1;
        }
    };
    auto const mine = alloc.checkpoint();
    std::size_t const before = used();
    BOOST_CHECK_THROW(alloc.frame_new<takes_one_and_throws>(alloc), int);
    BOOST_TEST(used() == before);
    std::memset(alloc.frame_alloc(layout{.bytes = 256}), 0xFF, 256);  // over the mark that is no more
    fault_recorder const faults;
    BOOST_TEST(!alloc.rollback(*taken));
    BOOST_TEST(faults.last() == fault_code::checkpoint_not_live);
    BOOST_TEST(alloc.rollback(mine));
    taken.reset();
}
#endif

static_assert(!std::is_copy_constructible_v<checkpoint> && std::is_nothrow_move_constructible_v<checkpoint>);
static_assert(!std::is_copy_constructible_v<rollback_guard<smart_alloc::assembly_type>>);
static_assert(!std::is_move_constructible_v<rollback_guard<smart_alloc::assembly_type>>);

BOOST_AUTO_TEST_SUITE_END()
