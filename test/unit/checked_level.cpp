// SPDX-License-Identifier: MIT OR Apache-2.0
#include "support/test.hpp"

#include "support/child.hpp"
#include "support/dead_memory.hpp"
#include "support/faults.hpp"

#include <framealloc/arena/fixed.hpp>

#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

using namespace framealloc;
using test::fault_recorder;

namespace {

constexpr unsigned char released = 0xCD;

bool all_are(void const* p, std::size_t bytes, unsigned char value) {
    auto const* const c = test::dead(static_cast<unsigned char const*>(p), bytes);
    return std::all_of(c, c + bytes, [value](unsigned char x) { return x == value; });
}

unsigned char* filled(void* p, std::size_t bytes, unsigned char value) {
    return static_cast<unsigned char*>(std::memset(p, value, bytes));
}

/// A debug allocator for the mistakes below, with something of each kind alive.
struct checked {
    smart_alloc_debug alloc;
    smart_alloc_debug other;
    void* pooled = alloc.pool_alloc(layout{.bytes = 64});
    void* large = alloc.heap_alloc(layout{.bytes = 10'000});
    void* theirs = other.pool_alloc(layout{.bytes = 64});
    alloc_stats before = alloc.stats();

    /// `mistake` is reported as `code`, would stop the program, and has changed nothing.
    template <class F>
    void expect(fault_code code, char const* note, F&& mistake) {
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
    }
    ~checked() {
        fault_recorder const faults;
        alloc.pool_free(pooled, layout{.bytes = 64});
        alloc.heap_free(large, layout{.bytes = 10'000});
        other.pool_free(theirs);
        BOOST_TEST(faults.count() == 0u);
        BOOST_TEST(alloc.stats().pool_blocks_live == 0u);
        BOOST_TEST(alloc.stats().heap_blocks_live == 0u);
    }
};

/// The same in a child with the handler that is in place from the start: it says what was wrong and stops.
template <class Mistake>
void expect_stop(char const* code, char const* message, Mistake&& mistake)
{
    auto const child = test::run_in_child([&] {
        smart_alloc_debug alloc;
        mistake(alloc);
        return 0;
    });
    BOOST_TEST_CONTEXT(child.error_text) {
        BOOST_TEST(child.aborted());
        BOOST_TEST(child.says(code));
        BOOST_TEST(child.says(message));
        BOOST_TEST(child.says("\n  help: "));
    }
}

}  // namespace

BOOST_AUTO_TEST_SUITE(checked_level)

// --- released memory is filled, what was used of it and no more ------------------------------------------------------

BOOST_AUTO_TEST_CASE(the_end_of_a_frame_fills_what_was_used_and_no_more)
{
    fault_recorder const faults;
    smart_alloc_debug alloc;
    alloc.begin_frame();
    // First the whole chunk, so that we know what lies beyond in the next frame.
    auto* const chunk = filled(alloc.frame_alloc(layout{.bytes = 60'000}), 60'000, 0x11);
    alloc.end_frame();
    BOOST_TEST(all_are(chunk, 60'000, released));
    std::memset(chunk, 0x22, 60'000);  // as a stale pointer would

    alloc.begin_frame();
    BOOST_TEST(static_cast<void*>(filled(alloc.frame_alloc(layout{.bytes = 1600}), 1600, 0x33)) == chunk);
    if (!FRAMEALLOC_MEMORY_TOOL) BOOST_TEST((faults.last() == fault_code::frame_expired));
    alloc.end_frame();
    BOOST_TEST(all_are(chunk, 1600, released));
    // Behind an object lies its canary, of 8 to 23 bytes.
    BOOST_TEST(all_are(chunk + 1600 + 32, 60'000 - 1600 - 32, 0x22));
}

BOOST_AUTO_TEST_CASE(every_chunk_of_a_frame_is_filled)
{
    smart_alloc_debug alloc;
    alloc.begin_frame();
    std::vector<unsigned char*> blocks;
    for (int i = 0; i < 100; ++i) blocks.push_back(filled(alloc.frame_alloc(layout{.bytes = 20'000}), 20'000, 0x44));
    auto* const large = filled(alloc.frame_alloc(layout{.bytes = 4'000'000}), 4'000'000, 0x44);
    alloc.end_frame();
    for (unsigned char* p : blocks) BOOST_TEST(all_are(p, 20'000, released));
    BOOST_TEST(all_are(large, 4'000'000, released));
}

BOOST_AUTO_TEST_CASE(the_end_of_a_scope_and_a_rollback_fill_what_they_take_back)
{
    smart_alloc_debug alloc;
    alloc.begin_frame();
    auto* const kept = filled(alloc.frame_alloc(layout{.bytes = 320}), 320, 0x55);
    unsigned char* in_scope = nullptr;
    unsigned char* in_next_chunk = nullptr;
    {
        auto scope = alloc.frame_scope();
        in_scope = filled(scope.frame_alloc(layout{.bytes = 640}), 640, 0x66);
        in_next_chunk = filled(scope.frame_alloc(layout{.bytes = 100'000}), 100'000, 0x66);
    }
    BOOST_TEST(all_are(in_scope, 640, released));
    BOOST_TEST(all_are(in_next_chunk, 100'000, released));
    BOOST_TEST(all_are(kept, 320, 0x55));

    auto const mark = alloc.checkpoint();
    auto* const rolled_back = filled(alloc.frame_alloc(layout{.bytes = 640}), 640, 0x77);
    BOOST_TEST(alloc.rollback(mark));
    BOOST_TEST(all_are(rolled_back, 640, released));
    BOOST_TEST(all_are(kept, 320, 0x55));
    {
        auto guard = alloc.rollback_guard();
        filled(alloc.frame_alloc(layout{.bytes = 640}), 640, 0x77);
    }
    BOOST_TEST(all_are(rolled_back, 640, released));
    alloc.end_frame();
}

BOOST_AUTO_TEST_CASE(freed_pool_and_heap_blocks_are_filled)
{
    smart_alloc_debug alloc;
    auto* const pooled = filled(alloc.pool_alloc(layout{.bytes = 100}), 100, 0x11);
    auto* const neighbour = filled(alloc.pool_alloc(layout{.bytes = 128}), 128, 0x22);
    alloc.pool_free(pooled);
    BOOST_TEST(all_are(pooled, 128, released));  // all of the block's room
    BOOST_TEST(all_are(neighbour, 128, 0x22));
    alloc.pool_free(neighbour, layout{.bytes = 128});
    BOOST_TEST(all_are(neighbour, 128, released));

    auto* const large = filled(alloc.heap_alloc(layout{.bytes = 10'000}), 10'000, 0x33);
    alloc.heap_free(large);  // goes into the cache, where it can be looked at
    BOOST_TEST(all_are(large, 10'000, released));
}

BOOST_AUTO_TEST_CASE(the_release_level_fills_nothing)
{
    smart_alloc alloc;
    alloc.begin_frame();
    auto* const in_frame = filled(alloc.frame_alloc(layout{.bytes = 1000}), 1000, 0x11);
    alloc.end_frame();
    BOOST_TEST(all_are(in_frame, 1000, 0x11));
    auto* const pooled = filled(alloc.pool_alloc(layout{.bytes = 64}), 64, 0x11);
    alloc.pool_free(pooled);
    constexpr std::size_t mark = detail::address_sanitizer ? sizeof(void*) : 0;  // of a free block
    BOOST_TEST(all_are(pooled + mark, 64 - mark, 0x11));
}

// --- mistakes with pool blocks ---------------------------------------------------------------------------------------

BOOST_FIXTURE_TEST_CASE(a_pool_block_freed_twice_is_named_at_the_second_free, checked)
{
    void* const p = alloc.pool_alloc(layout{.bytes = 100});
    alloc.pool_free(p);
    before = alloc.stats();
    expect(fault_code::double_free, "of 100 bytes, is free already", [&] { alloc.pool_free(p); });
    expect(fault_code::double_free, "is free already", [&] { alloc.pool_free(p, layout{.bytes = 100}); });
    // It is given out once.
    BOOST_TEST(alloc.pool_alloc(layout{.bytes = 100}) == p);
    void* const q = alloc.pool_alloc(layout{.bytes = 100});
    BOOST_TEST(q != p);
    alloc.pool_free(p);
    alloc.pool_free(q);
}

BOOST_FIXTURE_TEST_CASE(a_pool_block_that_was_never_given_out_is_not_freed, checked)
{
    // The next block of the slab is carved already but nobody's: 64 bytes, and what surrounds them, are in blocks of 128.
    expect(fault_code::double_free, "is free already", [&] { alloc.pool_free(static_cast<char*>(pooled) + 128); });
}

BOOST_FIXTURE_TEST_CASE(foreign_pointers_are_named_whatever_they_point_to, checked)
{
    alignas(16) char on_stack[64] = {};
    alignas(16) static char in_data[64];
    auto const foreign = fault_code::foreign_pointer;
    expect(foreign, "lies in no slab and no heap block", [&] { alloc.pool_free(on_stack); });
    expect(foreign, "lies in no slab and no heap block", [&] { alloc.pool_free(in_data); });
    expect(foreign, "lies in no slab of this process", [&] { alloc.pool_free(on_stack, layout{.bytes = 64}); });
    expect(foreign, "lies in no slab of this process", [&] { alloc.pool_free(in_data, layout{.bytes = 64}); });
    expect(foreign, "lies in no slab", [&] { alloc.pool_free(nullptr, layout{.bytes = 64}); });
    expect(foreign, "belongs to another allocator instance", [&] { alloc.pool_free(theirs); });
    expect(foreign, "belongs to another allocator instance", [&] { alloc.pool_free(theirs, layout{.bytes = 64}); });
    // A slab begins with its own head.
    auto* const slab = reinterpret_cast<char*>(reinterpret_cast<std::uintptr_t>(pooled) & ~std::uintptr_t{65535});
    expect(foreign, "its slab begins at 0x", [&] { alloc.pool_free(slab + 64); });
}

BOOST_FIXTURE_TEST_CASE(a_pointer_into_a_block_is_named_with_the_block_and_how_far_it_is_off, checked)
{
    auto const interior = fault_code::interior_pointer;
    expect(interior, " lies 16 bytes into the block at 0x", [&] { alloc.pool_free(static_cast<char*>(pooled) + 16); });
    expect(interior, " lies 1 bytes into the block at 0x", [&] { alloc.pool_free(static_cast<char*>(pooled) + 1); });
    expect(interior, ", of 64 bytes", [&] { alloc.pool_free(static_cast<char*>(pooled) + 32, layout{.bytes = 64}); });
    expect(interior, " lies -8 bytes into the block at 0x", [&] { alloc.pool_free(static_cast<char*>(pooled) - 8); });
    expect(interior, " lies 48 bytes into the heap block at 0x",
           [&] { alloc.heap_free(static_cast<char*>(large) + 48); });
    expect(interior, " lies 7 bytes into the heap block at 0x", [&] { alloc.heap_free(static_cast<char*>(large) + 7); });
}

BOOST_FIXTURE_TEST_CASE(what_one_family_of_calls_gave_is_not_taken_by_another, checked)
{
    auto const family = fault_code::wrong_family;
    expect(family, "is a heap block; expected a pool's", [&] { alloc.pool_free(large, layout{.bytes = 64}); });
    expect(family, "is a pool's; expected a heap block", [&] { alloc.heap_free(pooled); });
}

BOOST_FIXTURE_TEST_CASE(memory_of_a_frame_is_no_pool_block_and_no_heap_block, checked)
{
    alloc.begin_frame();
    void* const p = alloc.frame_alloc(layout{.bytes = 64});
    before = alloc.stats();
    auto const family = fault_code::wrong_family;
    expect(family, "lies in the frame of this thread: the object at 0x", [&] { alloc.pool_free(p, layout{.bytes = 64}); });
    expect(family, ", of 64 bytes, goes with it", [&] { alloc.pool_free(static_cast<char*>(p) + 10); });
    expect(family, "goes with it", [&] { alloc.heap_free(p); });
    alloc.end_frame();
}

BOOST_FIXTURE_TEST_CASE(a_free_with_a_wrong_size_is_named_with_both_sizes, checked)
{
    expect(fault_code::wrong_size, "has 64 bytes; it was freed as 100",
           [&] { alloc.pool_free(pooled, layout{.bytes = 100}); });
    // To the byte, though both are of one class.
    expect(fault_code::wrong_size, "has 64 bytes; it was freed as 63",
           [&] { alloc.pool_free(pooled, layout{.bytes = 63}); });
    expect(fault_code::wrong_size, "was aligned for up to 32 bytes; it was freed as aligned to 64",
           [&] { alloc.pool_free(pooled, layout{.bytes = 64, .align = 64}); });
    expect(fault_code::wrong_size, "has 64 bytes; it was freed as 1",
           [&] { alloc.pool_free<char>(static_cast<char*>(pooled)); });
    expect(fault_code::wrong_size, "has 10000 bytes; it was freed as 9999",
           [&] { alloc.heap_free(large, layout{.bytes = 9999}); });
    expect(fault_code::wrong_size, "has 10000 bytes; it was freed as 5000",
           [&] { alloc.pool_free(large, layout{.bytes = 5000}); });
}

BOOST_FIXTURE_TEST_CASE(mistakes_with_heap_blocks_are_named, checked)
{
    void* const of_other = other.heap_alloc(layout{.bytes = 10'000});
    expect(fault_code::foreign_pointer, "is not the start of a block of this instance",
           [&] { alloc.heap_free(of_other); });
    other.heap_free(of_other);
}

BOOST_AUTO_TEST_CASE(a_heap_block_written_to_after_its_free_is_named_when_it_is_given_out_again)
{
    if constexpr (detail::memory_tool) return;  // which sees the write itself
    smart_alloc_debug alloc;
    for (std::size_t const align : {16u, 32u, 64u, 16u}) {
        layout const l{.bytes = 10'000, .align = align};
        auto* const p = static_cast<unsigned char*>(alloc.heap_alloc(l));
        alloc.heap_free(p);
        fault_recorder const faults;
        auto* const untouched = static_cast<unsigned char*>(alloc.heap_alloc(l));
        BOOST_TEST(faults.count() == 0u);
        BOOST_TEST(untouched == p);  // out of the cache
        alloc.heap_free(untouched);
        *test::dead(p + 5000, 1) = 0x77;
        void* const again = alloc.heap_alloc(l);
        BOOST_TEST(faults.count() == 1u);
        BOOST_TEST(faults.last() == fault_code::write_after_free);
        BOOST_TEST(faults.last_text().find("the byte at offset 5000 is 0x77") != std::string::npos);
        alloc.heap_free(again);
        BOOST_TEST(faults.count() == 1u);
    }
}

// --- an arena that is used up ----------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(an_exhausted_arena_is_reported_and_the_frame_goes_on)
{
    // What surrounds an object takes room of the arena: 32 bytes before it, and 8 to 23 behind.
    basic_smart_alloc<arena::fixed<1024 + 48>, diagnostics::checked> alloc;
    alloc.begin_frame();
    fault_recorder const faults;
    BOOST_TEST(alloc.try_frame_alloc(layout{.bytes = 2000}) == nullptr);
    BOOST_TEST(faults.last() == fault_code::arena_exhausted);
    BOOST_TEST(faults.last_text().find("asked for 2000 bytes, align 16; 0 bytes of the frame are used") !=
               std::string::npos);
    BOOST_TEST(!faults.last_would_stop());  // the caller asked whether it may, and is told
    BOOST_TEST(alloc.try_frame_alloc(layout{.bytes = 1024}) != nullptr);
    BOOST_TEST(alloc.try_frame_alloc<char>() == nullptr);
    BOOST_TEST(faults.count() == 2u);
    alloc.end_frame();
}

BOOST_AUTO_TEST_CASE(an_exhausted_arena_is_said_on_standard_error_and_the_program_goes_on)
{
    auto const child = test::run_in_child([] {
        basic_smart_alloc<arena::fixed<1024>, diagnostics::checked> alloc;
        alloc.begin_frame();
        bool const refused = alloc.try_frame_alloc(layout{.bytes = 2000}) == nullptr;
        alloc.end_frame();
        return refused ? 0 : 1;
    });
    BOOST_TEST(child.succeeded());
    BOOST_TEST(child.says("[framealloc][FA003] error: frame arena exhausted"));
    BOOST_TEST(child.says("help: choose a larger arena::fixed<Bytes>, or arena::chunked, which grows"));
}

// --- with the handler that is in place from the start ----------------------------------------------------------------

BOOST_AUTO_TEST_CASE(a_debug_program_says_what_was_wrong_and_stops)
{
    expect_stop("[framealloc][FA210]", "error: block freed twice", [](smart_alloc_debug& alloc) {
        int* const p = alloc.pool_new<int>(1);
        alloc.pool_free(p);
        alloc.pool_free(p);
    });
    expect_stop("[framealloc][FA211]", "error: pointer that this allocator did not give out",
                [](smart_alloc_debug& alloc) {
                    alignas(16) int on_stack[16] = {};
                    alloc.pool_free(on_stack);
                });
    expect_stop("[framealloc][FA211]", "belongs to another allocator instance", [](smart_alloc_debug& alloc) {
        smart_alloc_debug other;
        alloc.pool_free(other.pool_new<int>(1));
    });
    expect_stop(
        "[framealloc][FA212]", "error: block freed with another size than it has",
        [](smart_alloc_debug& alloc) { alloc.pool_free(alloc.pool_alloc(layout{.bytes = 64}), layout{.bytes = 8}); });
    expect_stop("[framealloc][FA218]", "is a pool's", [](smart_alloc_debug& alloc) {
        alloc.heap_free(alloc.pool_alloc(layout{.bytes = 64}));
    });
    expect_stop("[framealloc][FA004]", "error: begin_frame() while a frame is open", [](smart_alloc_debug& alloc) {
        alloc.begin_frame();
        alloc.begin_frame();
    });
    expect_stop("[framealloc][FA005]", "error: end of a frame that was not begun here",
                [](smart_alloc_debug& alloc) { alloc.end_frame(); });
    expect_stop("[framealloc][FA006]", "error: roll-back to a checkpoint that is not live",
                [](smart_alloc_debug& alloc) {
                    alloc.begin_frame();
                    auto const mark = alloc.checkpoint();
                    alloc.rollback(mark);
                    alloc.rollback(mark);
                });
}

BOOST_AUTO_TEST_CASE(the_release_level_reports_a_misuse_it_sees_and_goes_on)
{
    auto const child = test::run_in_child([] {
        smart_alloc alloc;
        alloc.end_frame();
        alloc.begin_frame();
        alloc.begin_frame();
        int on_stack = 0;
        alloc.pool_free(&on_stack);
        bool const works = alloc.frame_new<int>(1) != nullptr;
        alloc.end_frame();
        return works ? 0 : 1;
    });
    BOOST_TEST(child.succeeded());
    BOOST_TEST(child.says("[framealloc][FA005]"));
    BOOST_TEST(child.says("[framealloc][FA004]"));
    BOOST_TEST(child.says("[framealloc][FA211]"));
}

BOOST_AUTO_TEST_SUITE_END()
