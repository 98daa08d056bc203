// SPDX-License-Identifier: MIT OR Apache-2.0
#include "support/test.hpp"

#include "support/child.hpp"
#include "support/faults.hpp"
#include "support/model.hpp"

#include <framealloc/arena/fixed.hpp>
#include <framealloc/arena/in_flight.hpp>
#include <framealloc/arena/virtual_memory.hpp>
#include <framealloc/tag_budgets.hpp>

#include <algorithm>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

// Writes through plain pointers into frames that have ended. At the checked level what a frame's end, a scope's or a roll-back
// takes back is filled, and looked at when it is given out again, by verify(), and at the instance's end. A tool that watches
// memory sees the write itself.

using namespace framealloc;
using test::fault_recorder;

namespace {

struct where_no_tool_watches {
    boost::test_tools::assertion_result operator()(boost::unit_test::test_unit_id) const { return !FRAMEALLOC_MEMORY_TOOL; }
};

using chunked_alloc = basic_smart_alloc<diagnostics::checked, arena::chunked<4096, 16384>>;
using fixed_alloc = basic_smart_alloc<diagnostics::checked, arena::fixed<16384>>;
using tagged_alloc = basic_smart_alloc<diagnostics::checked, budget::per_tag>;
using alone_alloc = basic_smart_alloc<diagnostics::checked, sync::single_threaded>;
using every_alloc = std::tuple<smart_alloc_debug, chunked_alloc, fixed_alloc, tagged_alloc, alone_alloc>;

template <class Alloc>
unsigned char* bytes_in_frame(Alloc& alloc, std::size_t n)
{
    return static_cast<unsigned char*>(std::memset(alloc.frame_alloc(layout{.bytes = n}), 0x11, n));
}
[[gnu::noinline]] void write_at(unsigned char* p, unsigned char value = 7) { *const_cast<unsigned char volatile*>(p) = value; }

bool holds(std::string const& text, char const* part) { return text.find(part) != std::string::npos; }

}  // namespace

BOOST_AUTO_TEST_SUITE(late_writes, *boost::unit_test::precondition(where_no_tool_watches{}))

BOOST_AUTO_TEST_CASE_TEMPLATE(a_write_after_the_frame_is_found_when_its_memory_is_given_out_again, Alloc, every_alloc)
{
    Alloc alloc;
    alloc.begin_frame();
    unsigned char* const p = bytes_in_frame(alloc, 1000);
    alloc.end_frame();
    write_at(p + 700);
    fault_recorder const faults;
    alloc.begin_frame();
    bytes_in_frame(alloc, 200);
    BOOST_TEST(faults.count() == 0u);  // elsewhere
    unsigned char* const q = bytes_in_frame(alloc, 700);
    BOOST_TEST(faults.count() == 1u);
    BOOST_TEST((faults.last() == fault_code::frame_expired));
    BOOST_TEST(faults.last_would_stop());
    BOOST_TEST(holds(faults.last_text(), "was written to after that frame, scope or roll-back had ended: it is 0x07"));
    BOOST_TEST(holds(faults.last_text(), "\n  ended at: "));
    BOOST_TEST(q != nullptr);  // who goes on has the memory
    bytes_in_frame(alloc, 100);
    alloc.end_frame();
    BOOST_TEST(faults.count() == 1u);
    BOOST_TEST(bool(alloc.verify()));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_write_after_a_scope_a_rollback_or_a_giving_back_is_found, Alloc, every_alloc)
{
    Alloc alloc;
    fault_recorder const faults;
    alloc.begin_frame();
    bytes_in_frame(alloc, 100);
    unsigned char* p = nullptr;
    {
        auto const scope = alloc.frame_scope();
        p = bytes_in_frame(alloc, 500);
    }
    write_at(p);
    bytes_in_frame(alloc, 500);
    BOOST_TEST(faults.count() == 1u);

    auto const mark = alloc.checkpoint();
    p = bytes_in_frame(alloc, 500);
    BOOST_TEST(alloc.rollback(mark));
    write_at(p + 499);
    bytes_in_frame(alloc, 50);
    BOOST_TEST(faults.count() == 1u);
    bytes_in_frame(alloc, 600);
    BOOST_TEST(faults.count() == 2u);

    p = bytes_in_frame(alloc, 300);
    BOOST_TEST(alloc.try_frame_give_back(p, 300));
    write_at(p + 1);
    bytes_in_frame(alloc, 300);
    BOOST_TEST(faults.count() == 3u);
    for (fault_code const c : faults.codes()) BOOST_TEST((c == fault_code::frame_expired));
    alloc.end_frame();
}

BOOST_AUTO_TEST_CASE_TEMPLATE(verify_finds_it_before_anybody_is_given_the_memory, Alloc, every_alloc)
{
    Alloc alloc;
    fault_recorder const faults;
    alloc.begin_frame();
    unsigned char* const p = bytes_in_frame(alloc, 1000);
    alloc.end_frame();
    BOOST_TEST(bool(alloc.verify()));
    write_at(p + 999);
    auto const found = alloc.verify();
    BOOST_TEST(!found);
    BOOST_TEST((found.first.code == fault_code::frame_expired));
    BOOST_TEST(found.first.numbers[0] == reinterpret_cast<std::uintptr_t>(p + 999));
    BOOST_TEST(found.first.numbers[1] == 7u);
    write_at(p + 999, 0xCD);
    BOOST_TEST(bool(alloc.verify()));

    alloc.begin_frame();
    bytes_in_frame(alloc, 100);
    write_at(p + 900);
    BOOST_TEST(!alloc.verify());
    write_at(p + 900, 0xCD);
    BOOST_TEST(bool(alloc.verify()));
    alloc.end_frame();
    BOOST_TEST(faults.count() == 0u);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(the_instances_end_finds_it, Alloc, every_alloc)
{
    fault_recorder const faults;
    {
        Alloc alloc;
        alloc.begin_frame();
        unsigned char* const p = bytes_in_frame(alloc, 1000);
        alloc.end_frame();
        write_at(p + 1);
    }
    BOOST_TEST(faults.count() == 1u);
    BOOST_TEST((faults.last() == fault_code::frame_expired));
}

BOOST_AUTO_TEST_CASE(on_any_thread_it_stops_the_program)
{
    auto const child = test::run_in_child([] {
        smart_alloc_debug alloc{alloc_config{.name = "level"}};
        std::thread{[&] {
            alloc.begin_frame();
            unsigned char* const p = bytes_in_frame(alloc, 1000);
            alloc.end_frame();
            write_at(p);
            alloc.begin_frame();
            bytes_in_frame(alloc, 1000);
        }}.join();
        return 0;
    });
    BOOST_TEST_CONTEXT(child.error_text) {
        BOOST_TEST(child.aborted());
        BOOST_TEST(child.says("[framealloc][FA002] error: frame memory used after its frame, scope or roll-back"));
        BOOST_TEST(child.says("allocator 'level'"));
        BOOST_TEST(child.says("frame 2\n"));
    }
}

// --- nobody is accused ------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(memory_that_comes_from_elsewhere_is_not_looked_at)
{
    fault_recorder const faults;
    chunked_alloc alloc;
    for (int round = 0; round < 3; ++round) {
        // A large request before any other, several chunks, memory given back and warmed.
        alloc.begin_frame();
        bytes_in_frame(alloc, 100'000);
        for (int i = 0; i < 20; ++i) bytes_in_frame(alloc, 1500);
        alloc.end_frame();
        alloc.begin_frame();
        for (int i = 0; i < 20; ++i) bytes_in_frame(alloc, 700);
        alloc.end_frame();
        if (round != 2) alloc.trim();
        if (round == 1) BOOST_TEST(alloc.attach_thread({.frame_bytes = 4096}));
    }
    // What one thread has given back another one gets, with what it has written in it.
    std::vector<std::thread> threads;
    for (int t = 0; t < 3; ++t) {
        threads.emplace_back([&] {
            for (int frame = 0; frame < 50; ++frame) {
                alloc.begin_frame();
                for (int i = 0; i < 30; ++i) bytes_in_frame(alloc, 1000);
                alloc.end_frame();
            }
        });
    }
    for (std::thread& t : threads) t.join();
    BOOST_TEST(faults.count() == 0u);
    BOOST_TEST(bool(alloc.verify()));
}

namespace {

using contiguous_alloc = basic_smart_alloc<diagnostics::checked, arena::virtual_memory<(std::size_t{1} << 24), 4096>>;
using rotating_alloc = basic_smart_alloc<diagnostics::checked, arena::in_flight<2, arena::chunked<4096, 16384>>>;
using all_arenas = std::tuple<smart_alloc_debug, chunked_alloc, fixed_alloc, tagged_alloc, alone_alloc, contiguous_alloc,
                              rotating_alloc>;

/// Frames that do anything a program may, and write all that they are given.
template <class Alloc>
void run_frames(Alloc& alloc, test::random_numbers& random)
{
    for (int frame = 0; frame < 60; ++frame) {
        alloc.begin_frame();
        std::vector<checkpoint> marks;
        unsigned char* last = nullptr;
        std::size_t size = 0;
        auto const go_back = [&] {
            BOOST_TEST(alloc.rollback(marks.back()));
            marks.pop_back();
            last = nullptr;
        };
        for (int step = 0; step < 60; ++step) {
            std::size_t const what = random.below(8);
            if (what == 0) {
                if (alloc.stats().frame_bytes_used > 12'000) continue;  // a fixed arena has no room for it
                marks.push_back(alloc.checkpoint());
                last = nullptr;
            } else if (what == 1) {
                if (!marks.empty()) go_back();
            } else if (what == 2) {
                if (last != nullptr && alloc.try_frame_give_back(last, size)) last = nullptr;
            } else if (what == 3) {
                std::size_t const wanted = random.below(300);
                if (last != nullptr && alloc.try_frame_extend(last, size, wanted)) std::memset(last, 0x33, size = wanted);
            } else {
                size = 1 + random.below(random.below(40) == 0 ? 100'000 : random.below(10) == 0 ? 3000 : 200);
                layout const request{.bytes = size, .align = std::size_t{1} << random.below(8)};
                last = static_cast<unsigned char*>(alloc.try_frame_alloc(request));
                if (last != nullptr) std::memset(last, 0x22, size);
            }
        }
        while (!marks.empty() && random.below(2) == 0) go_back();
        alloc.end_frame();
        if (random.below(10) == 0) alloc.trim();
        if (random.below(10) == 0) BOOST_TEST(bool(alloc.verify()));
    }
}

}  // namespace

BOOST_AUTO_TEST_CASE_TEMPLATE(programs_that_write_where_they_may_are_met_in_silence, Alloc, all_arenas)
{
    for (std::uint64_t const seed : test::seeds(4)) {
        BOOST_TEST_CONTEXT("seed " << seed)
        {
            test::random_numbers random{seed};
            Alloc alloc;
            fault_recorder const faults;
            run_frames(alloc, random);
            auto const all = faults.codes();
            BOOST_TEST((std::ranges::count(all, fault_code::arena_exhausted) == std::ptrdiff_t(all.size())));
        }
    }
}

BOOST_AUTO_TEST_SUITE_END()
