// SPDX-License-Identifier: MIT OR Apache-2.0
#include "support/test.hpp"

#include "support/failing.hpp"
#include "support/faults.hpp"

#include <framealloc/arena/fixed.hpp>
#include <framealloc/arena/in_flight.hpp>
#include <framealloc/arena/virtual_memory.hpp>
#include <framealloc/backend/counting.hpp>
#include <framealloc/diagnostics/counters.hpp>
#include <framealloc/scratch/scratch_arena.hpp>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <random>
#include <string>
#include <thread>
#include <tuple>
#include <vector>

using namespace framealloc;
using namespace framealloc::test;

namespace {

template <class Alloc, class Arena>
struct kind {
    using alloc = Alloc;
    using arena = scratch_arena_of<Alloc, Arena>;
};
// Each policy, and each level.
using every_kind = std::tuple<
    kind<smart_alloc, arena::chunked<>>, kind<smart_alloc, arena::chunked<1024, 4096>>,
    kind<smart_alloc, arena::fixed<1 << 22>>, kind<smart_alloc, arena::virtual_memory<>>,
    kind<smart_alloc_debug, arena::chunked<1024, 65536>>, kind<smart_alloc_debug, arena::virtual_memory<>>,
    kind<smart_alloc_single_threaded, arena::chunked<>>, kind<basic_smart_alloc<diagnostics::counters>, arena::fixed<1 << 22>>>;
using arenas_for_flight = std::tuple<arena::chunked<1024, 4096>, arena::virtual_memory<>>;

struct noted {
    std::string& diary;
    char letter;
    ~noted() { diary += letter; }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(scratch_arenas)

BOOST_AUTO_TEST_CASE_TEMPLATE(what_is_served_is_apart_aligned_and_keeps_its_content_until_the_round_ends, Kind, every_kind)
{
    fault_recorder const faults;
    typename Kind::alloc alloc;
    typename Kind::arena scratch{alloc, "parser"};
    std::mt19937 random{7};
    std::size_t reserved = 0;
    for (int round = 0; round < 5; ++round) {
        std::mt19937 same{42};  // rounds that repeat
        std::vector<std::pair<unsigned char*, std::size_t>> blocks;
        for (int i = 0; i < 300; ++i) {
            std::size_t const bytes = same() % 50 == 0 ? same() % 100'000 : same() % 500;
            std::size_t const align = std::size_t{1} << same() % 9;
            auto* const p = static_cast<unsigned char*>(scratch.alloc({.bytes = bytes, .align = align}));
            BOOST_TEST_REQUIRE(reinterpret_cast<std::uintptr_t>(p) % align == 0u);
            std::memset(p, i % 251, bytes);
            blocks.emplace_back(p, bytes);
        }
        int i = 0;
        for (auto const& [p, bytes] : blocks) {
            BOOST_TEST_REQUIRE(std::all_of(p, p + bytes, [&](unsigned char c) { return c == i % 251; }));
            ++i;
        }
        BOOST_TEST(scratch.stats().used_bytes > 0u);
        BOOST_TEST(scratch.stats().used_bytes <= scratch.stats().reserved_bytes);
        BOOST_TEST(scratch.reset());
        BOOST_TEST(scratch.stats().used_bytes == 0u);
        if (round == 1) reserved = scratch.stats().reserved_bytes;
        if (round > 1) BOOST_TEST(scratch.stats().reserved_bytes <= reserved + 512);
    }
    BOOST_TEST(scratch.stats().resets == 5u);
    BOOST_TEST(scratch.stats().peak_bytes > 100'000u);
    BOOST_TEST(faults.count() == 0u);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(objects_are_destroyed_newest_first_when_it_is_reset_and_when_it_goes, Kind, every_kind)
{
    std::string diary;
    {
        typename Kind::alloc alloc;
        typename Kind::arena scratch{alloc};
        scratch.template make<noted>(diary, 'a');
        scratch.template make<int>(1);
        scratch.template make<noted>(diary, 'b');
        scratch.reset();
        BOOST_TEST(diary == "ba");
        scratch.template make<noted>(diary, 'c');
        scratch.template make<noted>(diary, 'd');
    }
    BOOST_TEST(diary == "badc");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_scope_takes_back_what_came_after_it_began_and_no_more, Kind, every_kind)
{
    std::string diary;
    typename Kind::alloc alloc;
    typename Kind::arena scratch{alloc};
    {
        auto const first = scratch.scope();  // before there is any memory
        scratch.template make<noted>(diary, 'x');
        static_cast<void>(scratch.template make_array<char>(300'000));
    }
    BOOST_TEST(diary == "x");
    BOOST_TEST(scratch.stats().used_bytes == 0u);
    diary.clear();

    int& kept = *scratch.template make<int>(42);
    scratch.template make<noted>(diary, 'a');
    std::size_t const used = scratch.stats().used_bytes;
    for (int i = 0; i < 3; ++i) {
        auto const outer = scratch.scope();
        scratch.template make<noted>(diary, 'b');
        {
            auto const inner = scratch.scope();
            static_cast<void>(scratch.template make_array<char>(200'000));
            scratch.template make<noted>(diary, 'c');
        }
        scratch.template make<noted>(diary, 'd');
    }
    BOOST_TEST(diary == "cdbcdbcdb");
    BOOST_TEST(kept == 42);
    BOOST_TEST(scratch.stats().used_bytes == used);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(all_memory_goes_back_when_it_is_released_and_when_it_goes, Kind, every_kind)
{
    typename Kind::alloc alloc;
    std::size_t const before = alloc.stats().heap_bytes_live;
    {
        typename Kind::arena scratch{alloc, "tool"};
        BOOST_TEST(alloc.stats().heap_bytes_live == before);  // nothing before the first request
        for (int round = 0; round < 3; ++round) {
            std::size_t served = 0;
            for (std::size_t const n : {10u, 300'000u, 70'000u, 900'000u}) served += scratch.template make_array<char>(n).size();
            BOOST_TEST(served == 1'270'010u);
            BOOST_TEST(scratch.release());
            BOOST_TEST(scratch.stats().used_bytes == 0u);
            BOOST_TEST(scratch.stats().reserved_bytes == 0u);
            BOOST_TEST(alloc.stats().heap_bytes_live == before);
            BOOST_TEST(bool(alloc.verify()));
        }
        static_cast<void>(scratch.template make_array<char>(100'000));
        BOOST_TEST(bool(alloc.verify()));
    }
    BOOST_TEST(alloc.stats().heap_bytes_live == before);
    BOOST_TEST(bool(alloc.verify()));
}

BOOST_AUTO_TEST_CASE(a_reset_calls_nobody_and_rounds_that_repeat_take_nothing)
{
    using counted = basic_smart_alloc<backend::counting<backend::system>>;
    counted alloc{alloc_config{.heap_cache_bytes = 0}};
    scratch_arena_of<counted> scratch{alloc};
    auto const fill = [&] {
        for (int i = 0; i < 500; ++i) static_cast<void>(scratch.alloc({.bytes = 5000}));
        static_cast<void>(scratch.alloc({.bytes = 10'000'000}));
    };
    fill();
    auto const& backend = alloc.backend();
    auto const calls = [&] { return backend.counts().allocate_calls + backend.counts().deallocate_calls; };
    auto const before = calls();
    for (int round = 0; round < 10; ++round) {
        scratch.reset();
        fill();
    }
    BOOST_TEST(calls() == before);
    scratch.reset();
    std::size_t const reserved = scratch.stats().reserved_bytes;
    BOOST_TEST(scratch.trim() > 10'000'000u);
    BOOST_TEST(scratch.stats().reserved_bytes == 65536u);  // the first chunk stays
    BOOST_TEST(reserved > 12'000'000u);
    BOOST_TEST(scratch.trim() == 0u);
    fill();
}

BOOST_AUTO_TEST_CASE(a_fixed_arena_refuses_what_it_has_no_room_for_and_goes_on)
{
    smart_alloc alloc;
    scratch_arena<arena::fixed<1024>> scratch{alloc, "small"};
    BOOST_TEST(scratch.alloc({.bytes = 1000}) != nullptr);
    BOOST_TEST(scratch.try_alloc({.bytes = 32}) == nullptr);
    BOOST_TEST(scratch.try_make_array<char>(2000).data() == nullptr);
    auto const seen = how_it_fails([&] { static_cast<void>(scratch.alloc({.bytes = 32})); });
    BOOST_TEST(seen.code == fault_code::arena_exhausted);
    BOOST_TEST(seen.says("1008 bytes of the scratch arena are used"));
    BOOST_TEST(scratch.try_alloc({.bytes = 16}) != nullptr);
    scratch.reset();
    BOOST_TEST(scratch.alloc({.bytes = 1024}) != nullptr);
}

BOOST_AUTO_TEST_CASE(what_no_allocator_could_honour_is_refused)
{
    smart_alloc alloc;
    scratch_arena scratch{alloc};
    BOOST_TEST(how_it_fails([&] { static_cast<void>(scratch.alloc({.bytes = SIZE_MAX})); }).code == fault_code::impossible_size);
    BOOST_TEST(how_it_fails([&] { static_cast<void>(scratch.make_array<int>(SIZE_MAX)); }).code == fault_code::impossible_size);
    BOOST_TEST(how_it_fails([&] { static_cast<void>(scratch.alloc({.bytes = 8, .align = 3})); }).code ==
               fault_code::impossible_alignment);
    BOOST_TEST(scratch.try_make_array<std::string>(SIZE_MAX / 8).data() == nullptr);
    BOOST_TEST(scratch.stats().used_bytes == 0u);
    void* const a = scratch.alloc({.bytes = 0});
    void* const b = scratch.alloc({.bytes = 0});
    BOOST_TEST(a != b);
    BOOST_TEST(scratch.stats().reserved_bytes == 65536u);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(rounds_in_flight_outlive_as_many_resets, Arena, arenas_for_flight)
{
    std::string diary;
    smart_alloc_debug alloc;
    {
        scratch_arena_of<smart_alloc_debug, arena::in_flight<3, Arena>> upload{alloc, "upload"};
        int* kept[6] = {};
        for (int round = 0; round < 6; ++round) {
            kept[round] = upload.template make<int>(round);
            upload.template make<noted>(diary, char('a' + round));
            static_cast<void>(upload.template make_array<char>(10'000));
            for (int i = round < 2 ? 0 : round - 2; i <= round; ++i) BOOST_TEST(*kept[i] == i);
            upload.reset();
            BOOST_TEST(diary == std::string("abcdef").substr(0, round < 2 ? 0 : std::size_t(round - 1)));
        }
        upload.template make<noted>(diary, 'g');
        upload.release();
        BOOST_TEST(diary == "abcdefg");
        BOOST_TEST(upload.stats().reserved_bytes == 0u);
        upload.template make<noted>(diary, 'h');
    }
    BOOST_TEST(diary == "abcdefgh");
    BOOST_TEST(alloc.stats().heap_bytes_live == 0u);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(the_last_block_grows_and_shrinks_where_it_stands, Kind, every_kind)
{
    typename Kind::alloc alloc;
    typename Kind::arena scratch{alloc};
    auto* const p = static_cast<char*>(scratch.alloc({.bytes = 100}));
    std::memset(p, 'x', 100);
    BOOST_TEST(scratch.try_extend(p, 100, 200));
    p[199] = 'y';
    BOOST_TEST(p[99] == 'x');
    BOOST_TEST(scratch.try_extend(p, 200, 50));
    BOOST_TEST(scratch.stats().used_bytes == 64u);
    BOOST_TEST(!scratch.try_extend(p, 50, SIZE_MAX));
    int* const after = scratch.template make<int>(1);
    BOOST_TEST(!scratch.try_extend(p, 50, 60));
    BOOST_TEST(!scratch.try_give_back(p, 50));
    BOOST_TEST(scratch.try_give_back(after, sizeof *after));
    {
        auto const scope = scratch.scope();
        BOOST_TEST(!scratch.try_give_back(p, 50));     // it is the scope's outside
        BOOST_TEST(!scratch.try_extend(p, 50, 10));
        BOOST_TEST(scratch.try_extend(p, 50, 300));    // until the scope ends
    }
    BOOST_TEST(scratch.stats().used_bytes == 64u);
    BOOST_TEST(scratch.try_give_back(p, 50));
    BOOST_TEST(scratch.stats().used_bytes == 0u);
}

BOOST_AUTO_TEST_CASE(one_in_one_piece_grows_as_far_as_its_range_goes)
{
    smart_alloc_debug alloc;
    scratch_arena_of<smart_alloc_debug, arena::virtual_memory<(1 << 20), 4096>> scratch{alloc, "contiguous"};
    auto* const p = static_cast<char*>(scratch.alloc({.bytes = 16}));
    p[0] = 'x';
    for (std::size_t bytes = 16; bytes < 500'000; bytes *= 2) BOOST_TEST_REQUIRE(scratch.try_extend(p, bytes, bytes * 2));
    BOOST_TEST(p[0] == 'x');
    BOOST_TEST(!scratch.try_extend(p, 1 << 19, 1 << 20));  // the head is in it, too
    BOOST_TEST(scratch.stats().reserved_bytes <= std::size_t{1} << 20);
    BOOST_TEST(bool(alloc.verify()));
}

BOOST_AUTO_TEST_CASE(they_are_listed_by_name_whatever_their_policies_in_the_order_in_which_they_were_made)
{
    smart_alloc alloc;
    scratch_stats list[4];
    BOOST_TEST(scratch_arena<>::list(alloc, list) == 0u);
    scratch_arena a{alloc, "a"};
    {
        scratch_arena<arena::fixed<4096>> b{alloc, "b"};
        scratch_arena nameless{alloc}, nameless_too{alloc};
        scratch_arena<arena::virtual_memory<>> c{alloc, "c"};
        BOOST_TEST(b.name() == "b");
        static_cast<void>(b.alloc({.bytes = 100}));
        BOOST_TEST(scratch_arena<>::list(alloc, list) == 5u);
        BOOST_TEST(list[0].name() == "a");
        BOOST_TEST(list[1].name() == "b");
        BOOST_TEST(list[1].used_bytes == 112u);
        BOOST_TEST(list[1].reserved_bytes == 4096u + 64u);
        BOOST_TEST(list[2].name() == "");
        BOOST_TEST(scratch_arena<>::list(alloc, {}) == 5u);
    }
    BOOST_TEST(scratch_arena<>::list(alloc, list) == 1u);
    scratch_arena const b_again{alloc, "b"};  // the name is free again
}

BOOST_AUTO_TEST_CASE(one_may_change_hands_and_others_may_list_it_meanwhile)
{
    smart_alloc alloc;
    scratch_arena scratch{alloc, "worker"};
    std::atomic<bool> done{false};
    std::thread watcher{[&] {
        scratch_stats s[1];
        while (!done.load()) {
            if (scratch_arena<>::list(alloc, s) == 0 || s[0].name() != "worker") done = true;
        }
    }};
    for (int i = 0; i < 20; ++i) {
        std::thread{[&] {
            auto const round = scratch.scope();
            for (int n = 0; n < 1000; ++n) scratch.make<std::string>(std::size_t(40 + n), 'x');
        }}.join();
        if (i % 5 == 0) scratch.reset();
    }
    BOOST_TEST(!done.load());
    done = true;
    watcher.join();
    BOOST_TEST(scratch.stats().used_bytes == 0u);
}

BOOST_AUTO_TEST_CASE(many_threads_have_one_each)
{
    smart_alloc alloc;
    std::vector<std::thread> threads;
    std::atomic<int> right{0};
    for (int t = 0; t < 4; ++t) {
        threads.emplace_back([&, t] {
            for (int i = 0; i < 20; ++i) {
                scratch_arena mine{alloc, "of thread " + std::to_string(t)};
                std::span<int> const row = mine.make_array<int>(50'000);
                row[49'999] = t;
                mine.reset();
                right += mine.make<int>(t) != nullptr;
            }
        });
    }
    for (std::thread& t : threads) t.join();
    BOOST_TEST(right == 80);
    BOOST_TEST(scratch_arena<>::list(alloc, {}) == 0u);
    BOOST_TEST(alloc.stats().heap_bytes_live == 0u);
}

#if FRAMEALLOC_EXCEPTIONS
BOOST_AUTO_TEST_CASE_TEMPLATE(a_constructor_that_throws_leaves_it_as_it_was, Kind, every_kind)
{
    using arena_type = typename Kind::arena;
    struct thrower {
        thrower(arena_type& in, std::string& diary) {
            in.template make<noted>(diary, 'x');
            static_cast<void>(in.template make_array<char>(300'000));
            throw 7;
        }
        ~thrower() {}
    };
    struct third_throws {
        third_throws() {
            if (++made() == 3) throw 7;
        }
        third_throws(third_throws const&) = delete;
        ~third_throws() { --made(); }
        static int& made() {
            static int n;
            return n;
        }
    };
    std::string diary;
    typename Kind::alloc alloc;
    arena_type scratch{alloc};
    int const& kept = *scratch.template make<int>(42);
    std::size_t const used = scratch.stats().used_bytes;
    BOOST_CHECK_THROW(scratch.template make<thrower>(scratch, diary), int);
    BOOST_TEST(diary == "x");
    BOOST_TEST(scratch.stats().used_bytes == used);
    third_throws::made() = 0;
    BOOST_CHECK_THROW(static_cast<void>(scratch.template make_array<third_throws>(5)), int);
    BOOST_TEST(scratch.stats().used_bytes == used);
    BOOST_TEST(kept == 42);
}
#endif

BOOST_AUTO_TEST_SUITE_END()
