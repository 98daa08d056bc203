// SPDX-License-Identifier: MIT OR Apache-2.0
#include "support/test.hpp"

#include "support/failing.hpp"
#include "support/faults.hpp"
#include "support/logged.hpp"

#include <framealloc/arena/fixed.hpp>

#include <memory>
#include <string>
#include <thread>
#include <type_traits>
#include <vector>

using namespace framealloc;
using test::fault_recorder;

namespace {

/// Writes its letter into a diary when it is destroyed.
struct noted {
    std::string& diary;
    char letter;
    ~noted() { diary += letter; }
};

using scope_type = frame_scope<smart_alloc::assembly_type>;

}  // namespace

BOOST_AUTO_TEST_SUITE(scopes)

BOOST_AUTO_TEST_CASE(scopes_nest_and_each_gives_back_exactly_its_own)
{
    smart_alloc alloc;
    std::string diary;
    alloc.begin_frame();
    auto const used = [&] { return alloc.stats().frame_bytes_used; };

    struct {
        smart_alloc& alloc;
        std::string& diary;
        void nest(char letter) {
            std::size_t const before = alloc.stats().frame_bytes_used;
            void* inside = nullptr;
            {
                auto scope = alloc.frame_scope();
                inside = scope.frame_new<noted>(diary, letter);
                static_cast<void>(scope.frame_alloc(layout{.bytes = 100}));
                if (letter != 'e') nest(static_cast<char>(letter + 1));
                scope.frame_new<noted>(diary, static_cast<char>(letter - 'a' + 'A'));
            }
            BOOST_TEST(alloc.stats().frame_bytes_used == before);
            // And not only the sum: the cursor stands where it stood.
            auto scope = alloc.frame_scope();
            BOOST_TEST(static_cast<void*>(scope.frame_new<noted>(diary, '.')) == inside);
        }
    } nested{alloc, diary};

    nested.nest('a');
    BOOST_TEST(diary == "Ee.Dd.Cc.Bb.Aa.");
    BOOST_TEST(used() == 0u);
    alloc.end_frame();
    BOOST_TEST(diary == "Ee.Dd.Cc.Bb.Aa.");
}

BOOST_AUTO_TEST_CASE(scopes_nest_as_deep_as_a_program_does)
{
    struct counted {
        int& alive;
        explicit counted(int& a) : alive(a) { ++alive; }
        ~counted() { --alive; }
    };
    struct {
        void nest(smart_alloc& alloc, int depth, int& alive) {
            auto scope = alloc.frame_scope();
            scope.frame_new<counted>(alive);
            if (depth > 1) nest(alloc, depth - 1, alive);
            BOOST_TEST(alive == 301 - depth);
        }
    } nested;
    smart_alloc alloc;
    int alive = 0;
    for (int round = 0; round < 2; ++round) {
        alloc.begin_frame();
        nested.nest(alloc, 300, alive);
        BOOST_TEST(alive == 0);
        BOOST_TEST(alloc.stats().frame_bytes_used == 0u);
        alloc.end_frame();
        nested.nest(alloc, 300, alive);
        BOOST_TEST(!alloc.frame_is_open());
    }
}

BOOST_AUTO_TEST_CASE(a_scope_for_which_the_frame_has_no_room_fails_and_the_frame_goes_on)
{
    using small_alloc = basic_smart_alloc<arena::fixed<4096>>;
    using small_scope = frame_scope<small_alloc::assembly_type>;
    small_alloc alloc;
    alloc.begin_frame();
    std::vector<std::unique_ptr<small_scope>> open;
    auto const enter = [&] { open.push_back(std::unique_ptr<small_scope>(new small_scope(alloc.shared()))); };
    for (int i = 0; i < 8; ++i) enter();  // so many need nothing of the frame
    static_cast<void>(alloc.frame_alloc(layout{.bytes = 4096}));
    auto const seen = test::how_it_fails(enter);
    BOOST_TEST(seen.code == fault_code::arena_exhausted);
    BOOST_TEST(open.size() == 8u);
    BOOST_TEST(alloc.stats().frame_bytes_used == 4096u);
    while (!open.empty()) open.pop_back();
    BOOST_TEST(alloc.stats().frame_bytes_used == 0u);
    for (int i = 0; i < 20; ++i) enter();
    while (!open.empty()) open.pop_back();
    BOOST_TEST(alloc.stats().frame_bytes_used == 0u);
    alloc.end_frame();
    BOOST_TEST(!alloc.frame_is_open());
}

BOOST_AUTO_TEST_CASE(the_outermost_scope_opens_the_frame_and_ends_it)
{
    smart_alloc alloc;
    BOOST_TEST(!alloc.frame_is_open());
    {
        auto outer = alloc.frame_scope();
        BOOST_TEST(alloc.frame_is_open());
        BOOST_TEST(alloc.frame_number() == 1u);
        {
            auto inner = alloc.frame_scope();
            BOOST_TEST(alloc.frame_number() == 1u);
        }
        BOOST_TEST(alloc.frame_is_open());
        static_cast<void>(alloc.frame_alloc<int>());
    }
    BOOST_TEST(!alloc.frame_is_open());
    BOOST_TEST(alloc.stats().frame_bytes_last == granule);
}

BOOST_AUTO_TEST_CASE(a_scope_inside_a_frame_leaves_the_frame_open)
{
    smart_alloc alloc;
    alloc.begin_frame();
    int* const kept = alloc.frame_new<int>(3);
    {
        auto scope = alloc.frame_scope();
        scope.frame_new<int>(4);
    }
    BOOST_TEST(alloc.frame_is_open());
    BOOST_TEST(*kept == 3);
    BOOST_TEST(alloc.stats().frame_bytes_used == granule);
    alloc.end_frame();
}

BOOST_AUTO_TEST_CASE(a_scope_in_the_frame_of_all_threads_joins_it_and_does_not_end_it)
{
    smart_alloc alloc;
    std::string diary;
    alloc.begin_frame_all();
    {
        auto scope = alloc.frame_scope();
        scope.frame_new<noted>(diary, 'a');
    }
    BOOST_TEST(diary == "a");
    BOOST_TEST(alloc.frame_is_open());
    alloc.frame_new<noted>(diary, 'b');
    alloc.end_frame_all();
    BOOST_TEST(diary == "ab");
    BOOST_TEST(!alloc.frame_is_open());
}

BOOST_AUTO_TEST_CASE(an_early_return_leaves_every_scope_on_the_way)
{
    smart_alloc alloc;
    std::string diary;
    auto const work = [&](int depth, auto&& self) -> void {
        auto scope = alloc.frame_scope();
        scope.template frame_new<noted>(diary, static_cast<char>('0' + depth));
        if (depth == 3) return;
        self(depth + 1, self);
    };
    work(0, work);
    BOOST_TEST(diary == "3210");
    BOOST_TEST(!alloc.frame_is_open());
}

#if FRAMEALLOC_EXCEPTIONS
BOOST_AUTO_TEST_CASE(an_exception_leaves_every_scope_on_the_way)
{
    smart_alloc alloc;
    std::string diary;
    alloc.begin_frame();
    BOOST_CHECK_THROW(
        {
            auto outer = alloc.frame_scope();
            outer.frame_new<noted>(diary, 'a');
            auto inner = alloc.frame_scope();
            inner.frame_new<noted>(diary, 'b');
            throw 1;
        },
        int);
    BOOST_TEST(diary == "ba");
    BOOST_TEST(alloc.stats().frame_bytes_used == 0u);
    alloc.end_frame();
}
#endif

BOOST_AUTO_TEST_CASE(chunks_taken_inside_a_scope_go_back_when_it_ends)
{
    test::backend_log log;
    basic_smart_alloc<test::logged<backend::system>, sync::single_threaded> alloc{test::logged<backend::system>{log}};
    alloc.begin_frame();
    auto* const before = static_cast<char*>(alloc.frame_alloc(layout{.bytes = 60'000}));
    for (int round = 0; round < 3; ++round) {
        {
            auto scope = alloc.frame_scope();
            for (int i = 0; i < 20; ++i) static_cast<void>(scope.frame_alloc(layout{.bytes = 50'000}));
            static_cast<void>(scope.frame_alloc(layout{.bytes = 5'000'000}));  // a chunk of its own
            BOOST_TEST(alloc.stats().frame_bytes_used > 6'000'000u);
        }
        BOOST_TEST(alloc.stats().frame_bytes_used == 60'000u);
        BOOST_TEST(alloc.stats().frame_bytes_reserved == 65'536u);
    }
    // The rounds after the first found their chunks in the instance's pool: 64, 128, 256, 512 KiB and 1 MiB, and the
    // large.
    BOOST_TEST(log.count() == 6u);
    BOOST_TEST(alloc.frame_alloc(layout{.bytes = 16}) == before + 60'000);
    alloc.end_frame();
}

BOOST_AUTO_TEST_CASE(a_scope_opened_before_the_first_chunk_keeps_that_chunk)
{
    smart_alloc alloc;
    alloc.begin_frame();
    void* first = nullptr;
    {
        auto scope = alloc.frame_scope();
        first = scope.frame_alloc(layout{.bytes = 500});
    }
    BOOST_TEST(alloc.stats().frame_bytes_used == 0u);
    BOOST_TEST(alloc.stats().frame_bytes_reserved == 65'536u);
    BOOST_TEST(alloc.frame_alloc(layout{.bytes = 8}) == first);
    alloc.end_frame();
}

BOOST_AUTO_TEST_CASE(a_scope_left_before_the_one_inside_it_is_reported_and_loses_nothing)
{
    smart_alloc alloc;
    std::string diary;
    alloc.begin_frame();
    auto outer = std::unique_ptr<scope_type>(new scope_type(alloc.shared()));
    outer->frame_new<noted>(diary, 'o');
    auto inner = std::unique_ptr<scope_type>(new scope_type(alloc.shared()));
    inner->frame_new<noted>(diary, 'i');
    {
        fault_recorder const faults;
        outer.reset();
        BOOST_TEST(faults.last() == fault_code::checkpoint_not_live);
    }
    BOOST_TEST(diary == "");
    fault_recorder const faults;
    {
        auto third = alloc.frame_scope();  // may take the place of the one that has gone
        third.frame_new<noted>(diary, 't');
    }
    BOOST_TEST(diary == "t");
    inner.reset();
    BOOST_TEST(diary == "ti");
    // Nothing refers to the scope that has gone, so the frame can be ended.
    alloc.end_frame();
    BOOST_TEST(diary == "tio");
    BOOST_TEST(faults.count() == 0u);
    BOOST_TEST(!alloc.frame_is_open());
}

BOOST_AUTO_TEST_CASE(a_scope_that_opened_the_frame_and_is_left_too_early_leaves_the_frame_to_end_frame)
{
    smart_alloc alloc;
    auto outer = std::unique_ptr<scope_type>(new scope_type(alloc.shared()));
    auto inner = std::unique_ptr<scope_type>(new scope_type(alloc.shared()));
    fault_recorder const faults;
    outer.reset();
    inner.reset();
    BOOST_TEST(faults.count() == 1u);
    BOOST_TEST(alloc.frame_is_open());
    alloc.end_frame();
    BOOST_TEST(!alloc.frame_is_open());
    BOOST_TEST(faults.count() == 1u);
}

BOOST_AUTO_TEST_CASE(a_scope_left_after_its_frame_is_reported_and_the_next_frame_keeps_its_memory)
{
    smart_alloc alloc;
    alloc.begin_frame_all();
    auto scope = std::unique_ptr<scope_type>(new scope_type(alloc.shared()));
    static_cast<void>(scope->frame_alloc(layout{.bytes = 64}));
    alloc.end_frame_all();
    alloc.begin_frame();
    int* const kept = alloc.frame_new<int>(9);
    fault_recorder const faults;
    scope.reset();
    BOOST_TEST(faults.last() == fault_code::checkpoint_not_live);
    BOOST_TEST(alloc.frame_is_open());
    BOOST_TEST(*kept == 9);
    BOOST_TEST(alloc.stats().frame_bytes_used == granule);
    alloc.end_frame();
}

// A guard that rewinds the arena of whichever thread drops it would overwrite that thread's data.
BOOST_AUTO_TEST_CASE(a_scope_left_on_another_thread_rewinds_neither_threads_frame)
{
    smart_alloc alloc;
    alloc.begin_frame();
    auto scope = std::unique_ptr<scope_type>(new scope_type(alloc.shared()));
    int* const ours = scope->frame_new<int>(111);
    fault_recorder const faults;
    std::thread([&] {
        alloc.begin_frame();
        int* const theirs = alloc.frame_new<int>(222);
        scope.reset();
        BOOST_TEST(alloc.frame_new<int>(333) != theirs);
        BOOST_TEST(*theirs == 222);
        alloc.end_frame();
    }).join();
    BOOST_TEST(faults.count() == 1u);
    BOOST_TEST(faults.last() == fault_code::frame_of_another_thread);
    BOOST_TEST(alloc.frame_new<int>(444) != ours);
    BOOST_TEST(*ours == 111);
    alloc.end_frame();
    BOOST_TEST(faults.count() == 1u);
    BOOST_TEST(!alloc.frame_is_open());
}

BOOST_AUTO_TEST_CASE(scopes_of_two_instances_do_not_meet)
{
    smart_alloc first;
    smart_alloc second;
    auto outer = first.frame_scope();
    int* const kept = outer.frame_new<int>(1);
    {
        auto other = second.frame_scope();
        other.frame_new<int>(2);
        auto inner = first.frame_scope();
        inner.frame_new<int>(3);
    }
    BOOST_TEST(*kept == 1);
    BOOST_TEST(first.stats().frame_bytes_used == granule);
    BOOST_TEST(!second.frame_is_open());
}

static_assert(!std::is_copy_constructible_v<scope_type> && !std::is_move_constructible_v<scope_type>);
static_assert(!std::is_copy_assignable_v<scope_type> && !std::is_move_assignable_v<scope_type>);

BOOST_AUTO_TEST_SUITE_END()
