// SPDX-License-Identifier: MIT OR Apache-2.0
#include "support/test.hpp"

#include "support/child.hpp"
#include "support/faults.hpp"
#include "support/forking.hpp"

#include <framealloc/arena/fixed.hpp>
#include <framealloc/arena/in_flight.hpp>
#include <framealloc/arena/virtual_memory.hpp>
#include <framealloc/diagnostics/compose.hpp>
#include <framealloc/explain.hpp>
#include <framealloc/smart_alloc_guarded.hpp>
#include <framealloc/tag_budgets.hpp>

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <set>
#include <thread>
#include <vector>

// Each mistake in a child, which ends of the fault that it is, after it has been told what it did.

using namespace framealloc;
using test::child_result;
using test::fault_recorder;

// With names that a report can show.
namespace guarded_program {

struct item {
    unsigned char bytes[48];
};
[[gnu::noinline]] item* make_an_item(smart_alloc_guarded& alloc) { return alloc.pool_new<item>(); }
[[gnu::noinline]] void drop_the_item(smart_alloc_guarded& alloc, item* p) { alloc.pool_delete(p); }
// What the program does to its memory, which the compiler must not leave out.
[[gnu::noinline]] void write_at(void* p, std::ptrdiff_t offset) { static_cast<char volatile*>(p)[offset] = 7; }
[[gnu::noinline]] char read_at(void* p, std::ptrdiff_t offset) { return static_cast<char volatile*>(p)[offset]; }

}  // namespace guarded_program
using namespace guarded_program;

namespace {

struct guard_left : diagnostics::basic_guarded<diagnostics::guard_options{.guard_left = true}> {};
struct guard_eight : diagnostics::basic_guarded<diagnostics::guard_options{.most_blocks = 8}> {};
struct quarantine_of_two : diagnostics::basic_guarded<diagnostics::guard_options{.quarantine_blocks = 2}> {};
struct two_frames : diagnostics::basic_guarded<diagnostics::guard_options{.frames = 2}> {};
using smart_alloc_left = basic_smart_alloc<guard_left>;

constexpr bool guards = detail::guards_blocks<smart_alloc_guarded::assembly_type>;
/// AddressSanitizer sees these mistakes itself, and nothing is guarded beside it.
struct where_blocks_are_guarded {
    boost::test_tools::assertion_result operator()(boost::unit_test::test_unit_id) const { return guards; }
};

/// `mistake` ends the program by a fault, after a report of `code` that says all of `texts`.
template <class Alloc = smart_alloc_guarded, class... Text, class Mistake>
void expect_trap(char const* code, Mistake&& mistake, Text... texts)
{
    // What it takes to name code is read once, and not by each child anew.
    static bool const is_read = [] {
        char name[256];
        return detail::write_code(reinterpret_cast<void const*>(&write_at), name, sizeof name) != 0;
    }();
    BOOST_TEST(is_read);
    child_result const child = test::run_in_child([&] {
        Alloc alloc{alloc_config{.name = "level"}};
        mistake(alloc);
        return 0;
    });
    BOOST_TEST_CONTEXT(child.error_text) {
        BOOST_TEST(!child.exited);
        BOOST_TEST((child.signal == SIGSEGV || child.signal == SIGBUS));
        BOOST_TEST(child.says(code));
        BOOST_TEST(child.says("'level' (instance "));
        BOOST_TEST(child.says("\n  help: "));
        for (char const* const text : std::initializer_list<char const*>{texts...}) {
            BOOST_TEST_CONTEXT(text) { BOOST_TEST(child.says(text)); }
        }
    }
}

#if FRAMEALLOC_TEST_SYMBOLS
constexpr char const* allocating_function = "guarded_program::make_an_item";
constexpr char const* freeing_function = "guarded_program::drop_the_item";
constexpr char const* writing_function = "at: guarded_program::write_at";
#else
constexpr char const* allocating_function = "allocated at: ";
constexpr char const* freeing_function = "freed at: ";
constexpr char const* writing_function = "\n  at: ";
#endif

}  // namespace

BOOST_AUTO_TEST_SUITE(guarded_level, *boost::unit_test::precondition(where_blocks_are_guarded{}))

// --- beyond a block --------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(one_byte_too_many_traps_at_the_write_whatever_the_size)
{
    for (std::size_t const bytes : {1u, 24u, 100u, 4000u, 4096u, 5000u, 100'000u}) {
        expect_trap("[framealloc][FA214] error: write beyond the end of a block", [bytes](auto& alloc) {
            char* const p = static_cast<char*>(alloc.pool_alloc(layout{.bytes = bytes, .align = 1}));
            std::memset(p, 1, bytes);
            write_at(p, static_cast<std::ptrdiff_t>(bytes));
        }, "was written behind its end", writing_function);
        expect_trap("[framealloc][FA214]", [bytes](auto& alloc) {
            read_at(alloc.heap_alloc(layout{.bytes = bytes, .align = 1}), static_cast<std::ptrdiff_t>(bytes));
        }, "note: the heap block at 0x", "was read behind its end");
    }
}

BOOST_AUTO_TEST_CASE(the_report_of_a_trap_says_what_was_done_to_what_and_who_had_it)
{
    expect_trap("[framealloc][FA214]", [](auto& alloc) {
        alloc.begin_frame();
        alloc.end_frame();
        alloc.begin_frame();
        write_at(make_an_item(alloc), sizeof(item) + 100);
    }, "of 48 bytes, was written behind its end: at offset 148", allocating_function, writing_function,
       "whose: allocator 'level' (instance ", "thread 1, frame 2\n", "where: thread 1 '");
}

BOOST_AUTO_TEST_CASE(a_tag_is_named_with_its_block)
{
    expect_trap<basic_smart_alloc<diagnostics::guarded, budget::per_tag>>("[framealloc][FA214]", [](auto& alloc) {
        static constexpr allocation_tag textures{"level/textures"};
        auto const scope = alloc.tag_scope(textures);
        write_at(alloc.heap_alloc(layout{.bytes = 4096}), 4096);
    }, "frame 0, tag level/textures");
}

BOOST_AUTO_TEST_CASE(what_alignment_leaves_behind_a_block_is_looked_at_when_it_is_freed)
{
    smart_alloc_guarded alloc;
    for (bool const on_heap : {false, true}) {
        layout const odd{.bytes = 41, .align = 16};
        void* const p = on_heap ? alloc.heap_alloc(odd) : alloc.pool_alloc(odd);
        write_at(p, 41);
        fault_recorder const faults;
        on_heap ? alloc.heap_free(p, odd) : alloc.pool_free(p, odd);
        BOOST_TEST(faults.last() == fault_code::overflow);
        BOOST_TEST(faults.last_would_stop());
        BOOST_TEST(faults.last_text().find("written behind its 41 bytes: the byte at offset 41 is 0x07") != std::string::npos);
    }
}

BOOST_AUTO_TEST_CASE(verify_sees_it_before_that)
{
    smart_alloc_guarded alloc;
    void* const p = alloc.pool_alloc(layout{.bytes = 41});
    BOOST_TEST(bool(alloc.verify()));
    write_at(p, 41);
    BOOST_TEST(!alloc.verify());
    BOOST_TEST(alloc.verify().first.code == fault_code::overflow);
    fault_recorder const faults;
    alloc.pool_free(p);
}

// --- before a block --------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(one_byte_before_a_block_traps_where_its_left_is_guarded)
{
    for (std::size_t const align : {1u, 16u, 4096u, 65536u}) {
        expect_trap<smart_alloc_left>("[framealloc][FA215] error: write before the begin of a block", [align](auto& alloc) {
            write_at(alloc.heap_alloc(layout{.bytes = 100, .align = align}), -1);
        }, "of 100 bytes, was written 1 bytes before its begin");
    }
    expect_trap<smart_alloc_left>("[framealloc][FA215]", [](auto& alloc) {
        read_at(alloc.template pool_new<item>(), -8);
    }, "of 48 bytes, was read 8 bytes before its begin");
}

BOOST_AUTO_TEST_CASE(what_was_written_before_a_block_is_found_when_it_is_freed)
{
    smart_alloc_guarded alloc;
    void* const p = alloc.pool_alloc(layout{.bytes = 48});
    write_at(p, -3);
    fault_recorder const faults;
    alloc.pool_free(p);
    BOOST_TEST(faults.last() == fault_code::underflow);
    BOOST_TEST(faults.last_text().find("the byte 3 below it is 0x07") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_block_of_no_bytes_cannot_be_touched_at_all)
{
    smart_alloc_guarded alloc;
    std::set<void*> unique;
    for (int i = 0; i < 10; ++i) unique.insert(alloc.pool_alloc(layout{.bytes = 0, .align = 64}));
    BOOST_TEST(unique.size() == 10u);
    for (void* const p : unique) alloc.pool_free(p);
    expect_trap("[framealloc][FA214]", [](auto& a) { read_at(a.pool_alloc(layout{.bytes = 0}), 0); },
                "of 0 bytes, was read behind its end: at offset 0");
}

// --- after the free --------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(a_block_that_was_freed_cannot_be_read_or_written_and_both_its_places_are_named)
{
    expect_trap("[framealloc][FA213]", [](auto& alloc) {
        item* const p = make_an_item(alloc);
        drop_the_item(alloc, p);
        read_at(p, 5);
    }, "of 48 bytes, was read after it was freed: at offset 5", allocating_function, freeing_function, "called by: ");
    expect_trap("[framealloc][FA213] error: block written after it was freed", [](auto& alloc) {
        void* const p = alloc.heap_alloc(layout{.bytes = 100'000});
        alloc.heap_free(p);
        for (int i = 0; i < 100; ++i) alloc.heap_free(alloc.heap_alloc(layout{.bytes = 100'000}));
        write_at(p, 99'999);
    }, "the heap block at 0x", "was written after it was freed: at offset 99999", "freed at: ", writing_function);
}

BOOST_AUTO_TEST_CASE(a_second_free_is_named_with_both_places_on_whatever_thread)
{
    smart_alloc_guarded alloc;
    for (bool const elsewhere : {false, true}) {
        item* const p = make_an_item(alloc);
        drop_the_item(alloc, p);
        fault_recorder const faults;
        if (elsewhere) {
            std::thread{[&] { alloc.pool_free(p); }}.join();
        } else {
            alloc.pool_free(p);
        }
        BOOST_TEST(faults.count() == 1u);
        BOOST_TEST(faults.last() == fault_code::double_free);
        BOOST_TEST(faults.last_text().find("of 48 bytes, is free already") != std::string::npos);
        BOOST_TEST(faults.last_text().find(allocating_function) != std::string::npos);
        BOOST_TEST(faults.last_text().find(freeing_function) != std::string::npos);
    }
    void* const h = alloc.heap_alloc(layout{.bytes = 10});
    alloc.heap_free(h);
    fault_recorder const faults;
    alloc.heap_free(h);
    BOOST_TEST(faults.last() == fault_code::double_free);
    BOOST_TEST(bool(alloc.verify()));
}

BOOST_AUTO_TEST_CASE(of_two_threads_that_free_a_block_one_is_told)
{
    smart_alloc_guarded alloc;
    fault_recorder const faults;
    constexpr int rounds = 20;
    for (int i = 0; i < rounds; ++i) {
        item* const p = make_an_item(alloc);
        std::thread other{[&] { alloc.pool_free(p); }};
        alloc.pool_free(p);
        other.join();
    }
    BOOST_TEST(faults.count() == std::size_t{rounds});
    BOOST_TEST(faults.last() == fault_code::double_free);
    BOOST_TEST(alloc.stats().pool_blocks_live == 0u);
    BOOST_TEST(bool(alloc.verify()));
}

BOOST_AUTO_TEST_CASE(the_oldest_free_blocks_are_forgotten_when_there_are_more_than_was_asked_for)
{
    basic_smart_alloc<quarantine_of_two> alloc;
    std::array<void*, 4> freed{};
    for (void*& p : freed) p = alloc.pool_alloc(layout{.bytes = 100});
    for (void* const p : freed) alloc.pool_free(p);
    BOOST_TEST((explain(freed[3]).state == address_state::free_block));
    BOOST_TEST((explain(freed[2]).state == address_state::free_block));
    BOOST_TEST((explain(freed[1]).state != address_state::free_block));
    BOOST_TEST((explain(freed[0]).state != address_state::free_block));
}

// --- frees that are wrong otherwise ----------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(wrong_frees_are_named_as_at_the_checked_level_and_change_nothing)
{
    smart_alloc_guarded alloc, other;
    void* const pooled = alloc.pool_alloc(layout{.bytes = 64});
    void* const large = alloc.heap_alloc(layout{.bytes = 10'000});
    void* const theirs = other.pool_alloc(layout{.bytes = 64});
    alignas(16) char on_stack[64] = {};
    alloc_stats const before = alloc.stats();
    auto const expect = [&](fault_code code, char const* note, auto&& mistake) {
        fault_recorder const faults;
        mistake();
        BOOST_TEST_CONTEXT(faults.last_text()) {
            BOOST_TEST(faults.count() == 1u);
            BOOST_TEST(faults.last() == code);
            BOOST_TEST(faults.last_would_stop());
            BOOST_TEST(faults.last_text().find(note) != std::string::npos);
            BOOST_TEST((alloc.stats() == before));
            BOOST_TEST(bool(alloc.verify()));
        }
    };
    expect(fault_code::foreign_pointer, "belongs to another allocator instance", [&] { alloc.pool_free(theirs); });
    expect(fault_code::foreign_pointer, "belongs to another allocator instance",
           [&] { alloc.pool_free(theirs, layout{.bytes = 64}); });
    expect(fault_code::foreign_pointer, "lies in no slab", [&] { alloc.pool_free(on_stack); });
    expect(fault_code::interior_pointer, "lies 16 bytes into it", [&] { alloc.pool_free(static_cast<char*>(pooled) + 16); });
    expect(fault_code::interior_pointer, "lies -8 bytes into it", [&] { alloc.heap_free(static_cast<char*>(large) - 8); });
    expect(fault_code::wrong_size, "has 64 bytes; it was freed as 63", [&] { alloc.pool_free(pooled, layout{.bytes = 63}); });
    expect(fault_code::wrong_size, "freed as aligned to 64",
           [&] { alloc.pool_free(pooled, layout{.bytes = 64, .align = 64}); });
    expect(fault_code::wrong_size, "has 10000 bytes; it was freed as 9999",
           [&] { alloc.heap_free(large, layout{.bytes = 9999}); });
    expect(fault_code::wrong_family, "is a heap block; expected a pool's",
           [&] { alloc.pool_free(large, layout{.bytes = 64}); });
    expect(fault_code::wrong_family, "is a pool's; expected a heap block", [&] { alloc.heap_free(pooled); });
    alloc.pool_free(pooled, layout{.bytes = 64});
    alloc.heap_free(large, layout{.bytes = 10'000});
    other.pool_free(theirs);
}

// --- what is right goes on as ever -----------------------------------------------------------------------------------

namespace {
struct shape {
    virtual ~shape() = default;
    long a = 1;
};
struct middle {
    virtual ~middle() = default;
    long b = 2;
};
struct square : middle, shape {
    long side[5] = {};
};
}  // namespace

BOOST_AUTO_TEST_CASE(every_way_to_free_is_a_way_to_free_a_guarded_block)
{
    smart_alloc_guarded alloc;
    alloc.pool_free(alloc.pool_alloc(layout{.bytes = 100, .align = 64}), layout{.bytes = 100, .align = 64});
    alloc.pool_free(alloc.pool_alloc(layout{.bytes = 100}));
    alloc.pool_free(alloc.pool_alloc(layout{.bytes = 100'000}));
    alloc.pool_free(alloc.pool_alloc(layout{.bytes = 100'000}), layout{.bytes = 100'000});
    shape* const s = alloc.pool_new<square>();
    alloc.pool_delete(s);
    alloc.heap_delete(static_cast<shape*>(alloc.heap_new<square>()));
    { auto const box = alloc.pool_box<item>(); }
    { auto const box = alloc.heap_box<item>(); }
    smart_alloc_guarded::free_anywhere(alloc.pool_new<item>());
    smart_alloc_guarded::free_anywhere(alloc.heap_new<item>());
    item* const p = alloc.pool_new<item>();
    std::thread{[&] { alloc.pool_delete(p); }}.join();
    alloc_stats const stats = alloc.stats();
    BOOST_TEST(stats.pool_blocks_live == 0u);
    BOOST_TEST(stats.heap_blocks_live == 0u);
    BOOST_TEST(stats.operations.pool_allocations == stats.operations.pool_frees);
    BOOST_TEST(stats.operations.heap_allocations == stats.operations.heap_frees);
    BOOST_TEST(bool(alloc.verify()));
}

BOOST_AUTO_TEST_CASE(backend_budget_and_statistics_see_of_blocks_what_they_see_at_the_checked_level)
{
    static constexpr allocation_tag tag{"guarded/same"};
    auto const use = [](auto& alloc) {
        auto const scope = alloc.tag_scope(tag);
        std::vector<void*> blocks;
        for (std::size_t i = 0; i < 300; ++i) blocks.push_back(alloc.pool_alloc(layout{.bytes = 10 * i}));
        for (std::size_t i = 0; i < 300; i += 2) alloc.pool_free(blocks[i]);
        for (std::size_t i = 0; i < 300; i += 2) blocks[i] = alloc.heap_alloc(layout{.bytes = 100 * i});
        alloc_stats const stats = alloc.stats();
        auto const of_tag = alloc.budgets().usage(tag);
        for (std::size_t i = 0; i < 300; ++i) alloc.pool_free(blocks[i]);
        BOOST_TEST(bool(alloc.verify()));
        return std::array<std::size_t, 6>{stats.pool_blocks_live, stats.pool_bytes_live, stats.heap_blocks_live,
                                          stats.heap_bytes_live, stats.backend_bytes, of_tag.own_bytes()};
    };
    basic_smart_alloc<diagnostics::checked, budget::per_tag> checked;
    basic_smart_alloc<diagnostics::guarded, budget::per_tag> guarded;
    auto const of_checked = use(checked), of_guarded = use(guarded);
    BOOST_TEST(of_checked == of_guarded, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(explain_says_what_a_guarded_address_is)
{
    smart_alloc_guarded alloc{alloc_config{.name = "level"}};
    item* const p = make_an_item(alloc);
    void* const h = alloc.heap_alloc(layout{.bytes = 10'000});
    explanation const live = explain(p->bytes + 7);
    BOOST_TEST((live.state == address_state::live_block));
    BOOST_TEST(live.object == detail::address_of(p));
    BOOST_TEST(live.bytes == sizeof(item));
    BOOST_TEST(live.instance_name == "level");
    BOOST_TEST(live.instance == alloc.id());
    BOOST_TEST(live.allocated_at != nullptr);
    BOOST_TEST((explain(h).state == address_state::heap_block));
    BOOST_TEST(alloc.owns(p));
    BOOST_TEST(alloc.owns(h));
    BOOST_TEST(alloc.usable_size(p) == sizeof(item));
    drop_the_item(alloc, p);
    alloc.heap_free(h);
    explanation const freed = explain(p);
    BOOST_TEST((freed.state == address_state::free_block));
    BOOST_TEST(freed.freed_at != nullptr);
    BOOST_TEST((explain(h).state == address_state::freed_heap));
    BOOST_TEST(alloc.usable_size(p) == 0u);
}

BOOST_AUTO_TEST_CASE(threads_free_each_others_blocks)
{
    smart_alloc_guarded alloc;
    constexpr int threads = 3, count = 200;
    std::array<std::vector<void*>, threads> hands;
    auto const each = [&](auto&& f) {
        std::vector<std::thread> all;
        for (std::size_t i = 0; i < threads; ++i) all.emplace_back([&, i] { f(i); });
        for (std::thread& t : all) t.join();
    };
    each([&](std::size_t i) {
        for (std::size_t n = 0; n < count; ++n) {
            alloc.begin_frame();
            std::memset(alloc.frame_alloc(layout{.bytes = 100 * n}), 1, 100 * n);
            layout const l{.bytes = n * 37};
            hands[i].push_back(n % 3 == 0 ? alloc.heap_alloc(l) : alloc.pool_alloc(l));
            std::memset(hands[i].back(), int(i), l.bytes);
            alloc.end_frame();
        }
    });
    each([&](std::size_t i) {
        auto& hand = hands[(i + 1) % threads];
        for (std::size_t n = 0; n < count; ++n) n % 3 == 0 ? alloc.heap_free(hand[n]) : alloc.pool_free(hand[n]);
    });
    BOOST_TEST(alloc.stats().pool_blocks_live == 0u);
    BOOST_TEST(alloc.stats().heap_blocks_live == 0u);
    BOOST_TEST(bool(alloc.verify()));
}

BOOST_AUTO_TEST_CASE(children_born_beside_busy_threads_allocate)
{
    test::fork_beside_busy_threads<smart_alloc_guarded>(test::repetitions(5, 2));
}

BOOST_AUTO_TEST_CASE(guarded_composes_with_what_observes)
{
    basic_smart_alloc<diagnostics::compose<diagnostics::guarded, diagnostics::none>> alloc;
    void* const p = alloc.pool_alloc(layout{.bytes = 10});
    BOOST_TEST((detail::address_of(p) & 4095) == 4096u - 16u);  // flush with the end of its page
    alloc.pool_free(p);
}

// --- the end of an instance ------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(blocks_that_outlive_their_allocator_are_named_by_the_address_that_the_program_knows)
{
    child_result const child = test::run_in_child([] {
        smart_alloc_guarded alloc;
        auto const address = static_cast<unsigned long long>(detail::address_of(make_an_item(alloc)));
        std::fprintf(stderr, "expected: the block at 0x%llx, of 48 bytes, is alive\n", address);
        return 0;
    });
    BOOST_TEST_CONTEXT(child.error_text) {
        BOOST_TEST(child.aborted());
        std::size_t const begin = child.error_text.find("expected: ") + 10;
        BOOST_REQUIRE(begin != std::string::npos + 10);
        std::string const line = child.error_text.substr(begin, child.error_text.find('\n') - begin);
        BOOST_TEST(child.error_text.find("note: " + line) != std::string::npos);
        BOOST_TEST(child.says(allocating_function));
    }
}

BOOST_AUTO_TEST_CASE(a_block_whose_allocator_has_ended_traps)
{
    expect_trap("[framealloc][FA213]", [](smart_alloc_guarded&) {
        item* p = nullptr;
        set_fault_handler([](fault const&) { return fault_action::go_on; });
        {
            smart_alloc_guarded inner{alloc_config{.name = "level"}};
            p = make_an_item(inner);
        }
        write_at(p, 0);
    }, "was written after it was freed", allocating_function);
}

// --- frames ----------------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(a_pointer_kept_beyond_its_frame_traps_for_three_frames_and_its_object_is_named)
{
    for (int later = 0; later <= 3; ++later) {
        expect_trap("[framealloc][FA002] error: frame memory used after its frame, scope or roll-back", [later](auto& alloc) {
            alloc.begin_frame();
            item* const p = alloc.template frame_new<item>();
            alloc.end_frame();
            for (int i = 1; i <= later; ++i) {
                alloc.begin_frame();
                static_cast<void>(alloc.template frame_new<item>());
                if (i != later) alloc.end_frame();
            }
            read_at(p, 20);
        }, "was read when its frame was over: it lies in frame 1 of thread 1", "of 48 bytes; the address is 20 bytes into it",
           "allocated at: ", "ended at: ");
    }
}

BOOST_AUTO_TEST_CASE(every_arena_goes_on_elsewhere)
{
    auto const trap = [](auto& alloc) {
        alloc.begin_frame();
        item* const p = alloc.template frame_new<item>();
        void* const large = alloc.frame_alloc(layout{.bytes = 30'000});
        std::memset(large, 1, 30'000);
        alloc.end_frame();
        alloc.begin_frame();
        if (alloc.template frame_new<item>() == p) return;  // then it does not trap
        alloc.end_frame();
        write_at(p, 0);
    };
    expect_trap<basic_smart_alloc<diagnostics::guarded, arena::fixed<65536>>>("[framealloc][FA002]", trap);
    expect_trap<basic_smart_alloc<diagnostics::guarded, arena::virtual_memory<(1 << 20)>>>("[framealloc][FA002]", trap);
    expect_trap<basic_smart_alloc<diagnostics::guarded, arena::in_flight<2, arena::chunked<>>>>("[framealloc][FA002]", trap);
    expect_trap<basic_smart_alloc<diagnostics::guarded, backend::system, sync::single_threaded>>("[framealloc][FA002]", trap);
}

BOOST_AUTO_TEST_CASE(frames_use_their_memory_again_after_as_many_as_was_asked_for)
{
    basic_smart_alloc<two_frames> alloc;
    std::vector<void*> places;
    for (int i = 0; i < 12; ++i) {
        alloc.begin_frame();
        places.push_back(alloc.frame_new<item>());
        alloc.end_frame();
    }
    BOOST_TEST(std::set<void*>(places.begin(), places.end()).size() == 3u);
    for (std::size_t i = 2; i < places.size(); ++i) BOOST_TEST((places[i] != places[i - 1] && places[i] != places[i - 2]));
    std::size_t const bytes = alloc.stats().backend_bytes;
    for (int i = 0; i < 100; ++i) {
        alloc.begin_frame();
        static_cast<void>(alloc.frame_new<item>());
        alloc.end_frame();
    }
    BOOST_TEST(alloc.stats().backend_bytes == bytes);
    BOOST_TEST(bool(alloc.verify()));
    BOOST_TEST(alloc.trim() > 0u);
    BOOST_TEST(bool(alloc.verify()));
}

BOOST_AUTO_TEST_CASE(whole_pages_that_a_scope_or_a_rollback_has_given_back_trap_until_the_frame_needs_them)
{
    expect_trap("[framealloc][FA002]", [](auto& alloc) {
        alloc.begin_frame();
        void* p = nullptr;
        {
            auto scope = alloc.frame_scope();
            p = scope.frame_alloc(layout{.bytes = 20'000});
            std::memset(p, 1, 20'000);
        }
        static_cast<void>(alloc.template frame_new<item>());
        write_at(p, 10'000);
    }, "in a part of frame 1 of thread 1 that a scope or a roll-back has ended");
    expect_trap("[framealloc][FA002]", [](auto& alloc) {
        alloc.begin_frame();
        auto const mark = alloc.checkpoint();
        void* const p = alloc.frame_alloc(layout{.bytes = 500'000});  // a chunk of its own
        static_cast<void>(alloc.rollback(mark));
        write_at(p, 10'000);
    }, "over");
    // And who needs them has them.
    smart_alloc_guarded alloc;
    int extended = 0;
    alloc.begin_frame();
    for (int i = 0; i < 50; ++i) {
        {
            auto scope = alloc.frame_scope();
            for (int n = 0; n < 20; ++n) std::memset(scope.frame_alloc(layout{.bytes = 3000}), 1, 3000);
        }
        std::memset(alloc.frame_alloc(layout{.bytes = 3000}), 2, 3000);
        void* const p = alloc.frame_alloc(layout{.bytes = 100});
        if (!alloc.try_frame_extend(p, 100, 9000)) continue;
        std::memset(p, 3, 9000);
        ++extended;
    }
    BOOST_TEST(extended > 20);
    BOOST_TEST(bool(alloc.verify()));
    alloc.end_frame();
    BOOST_TEST(bool(alloc.verify()));
}

// --- when guards run out ---------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(blocks_beyond_the_limit_are_checked_and_that_is_said_once)
{
    basic_smart_alloc<guard_eight> alloc;
    fault_recorder const faults;
    std::vector<void*> blocks;
    for (int i = 0; i < 20; ++i) blocks.push_back(alloc.pool_alloc(layout{.bytes = 100}));
    blocks.push_back(alloc.heap_alloc(layout{.bytes = 10'000}));
    BOOST_TEST(faults.count() == 1u);
    BOOST_TEST(faults.last() == fault_code::guard_budget_exhausted);
    BOOST_TEST(!faults.last_would_stop());
    BOOST_TEST(faults.last_text().find("8 blocks are guarded") != std::string::npos);
    BOOST_TEST(bool(alloc.verify()));
    // A checked one.
    write_at(blocks[15], 100);
    alloc.pool_free(blocks[15]);
    BOOST_TEST(faults.last() == fault_code::overflow);
    blocks.erase(blocks.begin() + 15);
    for (void* const p : blocks) alloc.pool_free(p);
    BOOST_TEST(faults.count() == 2u);
    BOOST_TEST(alloc.stats().pool_blocks_live + alloc.stats().heap_blocks_live == 0u);
    // There is room again.
    void* const p = alloc.pool_alloc(layout{.bytes = 100});
    BOOST_TEST((detail::address_of(p) & 4095) == 4096u - 112u);
    alloc.pool_free(p);
}

BOOST_AUTO_TEST_CASE(a_program_that_uses_up_the_systems_mappings_goes_on)
{
    child_result const child = test::run_in_child([] {
        smart_alloc_guarded alloc;
        std::vector<void*> blocks;
        for (int i = 0; i < 40'000; ++i) {
            void* const p = alloc.try_pool_alloc(layout{.bytes = 16});
            if (p == nullptr) return 1;
            std::memset(p, 1, 16);
            blocks.push_back(p);
        }
        // The rest of the program has some left.
        auto const more = std::make_unique<char[]>(std::size_t{10} << 20);
        alloc.begin_frame();
        void* const in_frame = alloc.try_frame_alloc(layout{.bytes = 100'000});
        if (in_frame == nullptr || more == nullptr) return 2;
        alloc.end_frame();
        for (void* const p : blocks) alloc.pool_free(p, layout{.bytes = 16});
        return alloc.verify() && alloc.stats().pool_blocks_live == 0 ? 0 : 3;
    });
    BOOST_TEST_CONTEXT(child.error_text) {
        BOOST_TEST(child.succeeded());
        BOOST_TEST(child.says("[framealloc][FA310] warning: "));
        BOOST_TEST(child.error_text.find("FA310") == child.error_text.rfind("FA310"));
    }
}

// --- faults that are not ours ----------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(who_handled_faults_before_gets_those_that_are_not_about_guarded_memory)
{
    child_result const child = test::run_in_child([] {
        std::signal(SIGSEGV, [](int) { ::_exit(77); });
        smart_alloc_guarded alloc;
        alloc.pool_free(alloc.pool_new<item>());
        void* const nobodys = detail::platform::reserve(4096, 4096);
        write_at(nobodys, 0);
        return 0;
    });
    BOOST_TEST(child.status == 77);
    BOOST_TEST(child.error_text == "");
    child_result const without = test::run_in_child([] {
        smart_alloc_guarded alloc;
        alloc.pool_free(alloc.pool_new<item>());
        write_at(detail::platform::reserve(4096, 4096), 0);
        return 0;
    });
    BOOST_TEST((without.signal == SIGSEGV || without.signal == SIGBUS));
    BOOST_TEST(without.error_text == "");
}

BOOST_AUTO_TEST_CASE(a_thread_that_has_no_other_stack_gets_one_for_the_report)
{
    expect_trap("[framealloc][FA214]", [](auto& alloc) {
        std::thread{[&] {
            stack_t before{}, after{};
            static_cast<void>(::sigaltstack(nullptr, &before));
            item* const p = make_an_item(alloc);
            static_cast<void>(::sigaltstack(nullptr, &after));
            if ((after.ss_flags & SS_DISABLE) == 0 && (before.ss_flags & SS_DISABLE) != 0) write_at(p, sizeof(item));
        }}.join();
    }, allocating_function);
}

BOOST_AUTO_TEST_SUITE_END()
