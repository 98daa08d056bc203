// SPDX-License-Identifier: MIT OR Apache-2.0
#include "support/test.hpp"

#include "support/faults.hpp"

#include <framealloc/arena/in_flight.hpp>
#include <framealloc/sync/mutex.hpp>
#include <framealloc/sync/owner_queue.hpp>

#include <pthread.h>

#include <cstring>
#include <mutex>
#include <random>
#include <string>
#include <thread>
#include <vector>

// What the checked level finds around blocks: writes before and behind them, and writes to what is free. The writes are real,
// so tools that forbid the memory have to look away: under AddressSanitizer they would stop the program where it happens.

using namespace framealloc;
using test::fault_recorder;

namespace {

/// Writes beside an object, as a program with a mistake does.
[[gnu::noinline, gnu::no_sanitize_address]] void poke(void* object, std::ptrdiff_t offset, unsigned char value)
{
    static_cast<unsigned char volatile*>(object)[offset] = value;
}
[[gnu::noinline, gnu::no_sanitize_address]] void poke_all(void* object, std::ptrdiff_t from, std::ptrdiff_t to)
{
    for (std::ptrdiff_t i = from; i < to; ++i) static_cast<unsigned char volatile*>(object)[i] = 0x41;
}

constexpr std::size_t sizes[] = {0, 1, 7, 8, 15, 16, 24, 31, 32, 60, 64, 100, 200, 1000};
constexpr std::size_t alignments[] = {1, 8, 16, 32, 64, 256, 4096};

template <class F>
void for_each_layout(F&& f)
{
    for (std::size_t bytes : sizes) {
        for (std::size_t align : alignments) {
            BOOST_TEST_CONTEXT(bytes << " bytes, align " << align) { f(layout{.bytes = bytes, .align = align}); }
        }
    }
}

bool says(fault_recorder const& faults, std::string const& what)
{
    return faults.last_text().find(what) != std::string::npos;
}
bool reports(fault_recorder const& faults, fault_code code, std::string const& what)
{
    bool const found = faults.count() == 1 && faults.last() == code && faults.last_would_stop() && says(faults, what);
    if (!found) BOOST_TEST_MESSAGE(faults.last_text());
    return found;
}

using owner_alloc = basic_smart_alloc<sync::owner_queue, diagnostics::checked>;
using one_thread_alloc = basic_smart_alloc<sync::single_threaded, diagnostics::checked>;
using mutex_alloc = basic_smart_alloc<sync::mutex<std::mutex>, diagnostics::checked, pool::none>;

}  // namespace

BOOST_AUTO_TEST_SUITE(checked_records)

// --- beyond the end -------------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(one_byte_behind_a_pool_block_is_found_at_its_free_for_every_size_and_alignment)
{
    smart_alloc_debug alloc;
    for_each_layout([&](layout each) {
        fault_recorder const faults;
        void* const p = alloc.pool_alloc(each);
        BOOST_TEST(reinterpret_cast<std::uintptr_t>(p) % each.align == 0u);
        std::memset(p, 0x11, each.bytes);
        poke(p, std::ptrdiff_t(each.bytes), 0x41);
        BOOST_TEST(faults.count() == 0u);
        alloc.pool_free(p, each);
        BOOST_TEST(reports(faults, fault_code::overflow,
                           "behind its " + std::to_string(each.bytes) + " bytes: the byte at offset " +
                               std::to_string(each.bytes) + " is 0x41"));
    });
    BOOST_TEST(alloc.stats().pool_blocks_live == 0u);  // they were freed all the same
    BOOST_TEST(bool(alloc.verify()));
}

BOOST_AUTO_TEST_CASE(one_byte_behind_a_heap_block_is_found_at_its_free_for_every_size_and_alignment)
{
    smart_alloc_debug alloc;
    for_each_layout([&](layout each) {
        fault_recorder const faults;
        void* const p = alloc.heap_alloc(each);
        BOOST_TEST(reinterpret_cast<std::uintptr_t>(p) % each.align == 0u);
        std::memset(p, 0x11, each.bytes);
        poke(p, std::ptrdiff_t(each.bytes), 0x42);
        alloc.heap_free(p);
        BOOST_TEST(reports(faults, fault_code::overflow,
                           "the byte at offset " + std::to_string(each.bytes) + " is 0x42"));
    });
    BOOST_TEST(alloc.stats().heap_blocks_live == 0u);
}

BOOST_AUTO_TEST_CASE(one_byte_behind_an_object_of_a_frame_is_found_at_its_end_for_every_size_and_alignment)
{
    smart_alloc_debug alloc;
    for_each_layout([&](layout each) {
        fault_recorder const faults;
        alloc.begin_frame();
        static_cast<void>(alloc.frame_new<std::string>("before"));
        void* const p = alloc.frame_alloc(each);
        BOOST_TEST(reinterpret_cast<std::uintptr_t>(p) % each.align == 0u);
        static_cast<void>(alloc.frame_new<std::string>("behind"));
        std::memset(p, 0x11, each.bytes);
        poke(p, std::ptrdiff_t(each.bytes), 0x43);
        BOOST_TEST(faults.count() == 0u);
        alloc.end_frame();
        BOOST_TEST(reports(faults, fault_code::overflow,
                           "in the frame was written behind its " + std::to_string(each.bytes) +
                               " bytes: the byte at offset " + std::to_string(each.bytes) + " is 0x43"));
    });
}

BOOST_AUTO_TEST_CASE(who_runs_over_far_is_named_and_not_whom_he_runs_over)
{
    fault_recorder const faults;
    smart_alloc_debug alloc;
    alloc.begin_frame();
    auto* const first = static_cast<char*>(alloc.frame_alloc(layout{.bytes = 24}));
    static_cast<void>(alloc.frame_alloc(layout{.bytes = 100}));
    static_cast<void>(alloc.frame_alloc(layout{.bytes = 10}));
    poke_all(first, 24, 90);  // over the record of the next one, and into its bytes
    alloc.end_frame();
    BOOST_TEST(reports(faults, fault_code::overflow, "behind its 24 bytes: the byte at offset 24 is 0x41"));

    void* blocks[3];
    for (void*& p : blocks) p = alloc.pool_alloc(layout{.bytes = 24});
    poke_all(blocks[0], 24, 80);
    alloc.pool_free(blocks[1]);
    BOOST_TEST(faults.count() == 2u);
    BOOST_TEST(faults.last() == fault_code::overflow);
    BOOST_TEST(says(faults, "behind its 24 bytes"));
    alloc.pool_free(blocks[2]);
    BOOST_TEST(faults.count() == 2u);
    alloc.pool_free(blocks[0]);
    BOOST_TEST(faults.count() == 3u);
    // Of the second nothing is known that could be believed: it stays, to the end of the allocator.
    BOOST_TEST(alloc.stats().pool_blocks_live == 1u);
}

// --- before the begin -----------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(one_byte_before_a_block_is_found_for_every_size_and_alignment)
{
    smart_alloc_debug alloc;
    for_each_layout([&](layout each) {
        fault_recorder const faults;
        for (bool const in_pool : {true, false}) {
            void* const p = in_pool ? alloc.pool_alloc(each) : alloc.heap_alloc(each);
            poke(p, -1, 0x44);
            std::size_t const before = faults.count();
            in_pool ? alloc.pool_free(p) : alloc.heap_free(p);
            BOOST_TEST(faults.count() == before + 1);
            BOOST_TEST(faults.last() == fault_code::underflow);
            BOOST_TEST(says(faults, "before its begin: the byte 1 below it is 0x44"));
        }
        alloc.begin_frame();
        void* const p = alloc.frame_alloc(each);
        poke(p, -1, 0x45);
        alloc.end_frame();
        BOOST_TEST(faults.count() == 3u);
        BOOST_TEST(faults.last() == fault_code::underflow);
        BOOST_TEST(says(faults, "before its begin: the byte 1 below it is 0x45"));
    });
    BOOST_TEST(alloc.stats().pool_blocks_live + alloc.stats().heap_blocks_live == 0u);
}

BOOST_AUTO_TEST_CASE(objects_with_a_destructor_have_nothing_of_ours_between_them_and_their_guard)
{
    smart_alloc_debug alloc;
    fault_recorder const faults;
    alloc.begin_frame();
    poke(alloc.frame_new<std::string>("destroyed all the same"), -1, 0x46);
    alloc.end_frame();
    BOOST_TEST(faults.last() == fault_code::underflow);
    alloc.begin_frame();
    auto const row = alloc.frame_array<std::string>(3);
    poke(row.data(), std::ptrdiff_t(row.size_bytes()), 0x47);
    alloc.end_frame();
    BOOST_TEST(faults.last() == fault_code::overflow);
    BOOST_TEST(faults.count() == 2u);
}

// --- when it is looked at -------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(the_end_of_a_scope_and_a_rollback_look_at_what_they_take_back)
{
    smart_alloc_debug alloc;
    fault_recorder const faults;
    alloc.begin_frame();
    void* const outer = alloc.frame_alloc(layout{.bytes = 24});
    {
        auto scope = alloc.frame_scope();
        poke(scope.frame_alloc(layout{.bytes = 24}), 24, 1);
    }
    BOOST_TEST(faults.count() == 1u);
    auto const mark = alloc.checkpoint();
    poke(alloc.frame_alloc(layout{.bytes = 24}), -1, 1);
    BOOST_TEST(alloc.rollback(mark));
    BOOST_TEST(faults.count() == 2u);
    poke(outer, 24, 1);
    {
        auto const scope = alloc.frame_scope();  // what is older is not its business
    }
    BOOST_TEST(faults.count() == 2u);
    alloc.end_frame();
    BOOST_TEST(faults.count() == 3u);
    alloc.begin_frame();
    alloc.end_frame();
    BOOST_TEST(faults.count() == 3u);
}

BOOST_AUTO_TEST_CASE(verify_looks_at_everything_that_is_alive_and_names_it)
{
    smart_alloc_debug alloc;
    alloc.begin_frame();
    void* const in_frame = alloc.frame_alloc(layout{.bytes = 24});
    void* const pooled = alloc.pool_alloc(layout{.bytes = 24});
    void* const large = alloc.heap_alloc(layout{.bytes = 10'000});
    BOOST_TEST(bool(alloc.verify()));
    auto const finds = [&](void* p, std::ptrdiff_t at, fault_code code) {
        unsigned char kept[1];
        [&]() __attribute__((no_sanitize("address"))) {
            kept[0] = static_cast<unsigned char volatile*>(p)[at];
        }();
        poke(p, at, static_cast<unsigned char>(kept[0] ^ 0xFF));
        verification const found = alloc.verify();
        BOOST_TEST(!found);
        BOOST_TEST(found.first.code == code);
        BOOST_TEST((found.first.sites != nullptr && (at < 0 || found.first.sites->allocated_at != nullptr)));
        poke(p, at, kept[0]);
        BOOST_TEST(bool(alloc.verify()));
    };
    for (void* const p : {in_frame, pooled}) finds(p, 24, fault_code::overflow);
    finds(large, 10'000, fault_code::overflow);
    finds(in_frame, -1, fault_code::underflow);
    finds(large, -1, fault_code::underflow);
    finds(pooled, -1, fault_code::record_damaged);
    alloc.end_frame();
    alloc.pool_free(pooled);
    alloc.heap_free(large);
}

BOOST_AUTO_TEST_CASE(a_write_to_a_free_block_is_found_when_it_is_given_out_again)
{
    smart_alloc_debug alloc;
    for (std::ptrdiff_t const at : {0, 3, 23}) {
        void* const p = alloc.pool_alloc(layout{.bytes = 24});
        alloc.pool_free(p);
        poke(p, at, 0x48);
        fault_recorder const faults;
        void* const again = alloc.pool_alloc(layout{.bytes = 24});
        BOOST_TEST(again == p);
        BOOST_TEST(reports(faults, fault_code::write_after_free,
                           "was written to after it was freed: the byte at offset " + std::to_string(at) + " is 0x48"));
        BOOST_TEST(says(faults, "\n  freed at: "));
        alloc.pool_free(again);
    }
}

BOOST_AUTO_TEST_CASE(growing_in_place_moves_the_canary_and_looks_at_the_old_one)
{
    smart_alloc_debug alloc;
    fault_recorder const faults;
    alloc.begin_frame();
    void* const p = alloc.frame_alloc(layout{.bytes = 24});
    BOOST_TEST(alloc.try_frame_extend(p, 24, 61));
    std::memset(p, 0x11, 61);
    BOOST_TEST(alloc.try_frame_extend(p, 61, 40));
    BOOST_TEST(faults.count() == 0u);
    poke(p, 40, 0x49);
    BOOST_TEST(!alloc.try_frame_extend(p, 40, 80));
    BOOST_TEST(faults.last() == fault_code::overflow);
    alloc.end_frame();
    BOOST_TEST(faults.count() == 2u);
}

BOOST_AUTO_TEST_CASE(what_a_scope_takes_back_of_an_older_object_is_not_missed)
{
    smart_alloc_debug alloc;
    fault_recorder const faults;
    alloc.begin_frame();
    void* const p = alloc.frame_alloc(layout{.bytes = 32});
    {
        auto scope = alloc.frame_scope();
        BOOST_TEST(scope.try_frame_extend(p, 32, 1000));
        std::memset(p, 0x11, 1000);
    }
    alloc.end_frame();
    BOOST_TEST(faults.count() == 0u);
}

// --- where and by whom ----------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(a_block_freed_by_two_threads_is_named_at_the_second_free_with_both_places)
{
    smart_alloc_debug alloc;
    void* const p = alloc.pool_alloc(layout{.bytes = 24});
    fault_recorder const faults;
    std::thread{[&] { alloc.pool_free(p); }}.join();
    BOOST_TEST(faults.count() == 0u);
    alloc.pool_free(p, layout{.bytes = 24});
    BOOST_TEST(reports(faults, fault_code::double_free, "of 24 bytes, is free already"));
    BOOST_TEST(says(faults, "\n  at: "));
    BOOST_TEST(says(faults, "\n  allocated at: "));
    BOOST_TEST(says(faults, "\n  freed at: "));
}

BOOST_AUTO_TEST_CASE(a_heap_block_freed_twice_is_named_even_when_its_memory_has_left_the_process)
{
    smart_alloc_debug alloc{alloc_config{.heap_cache_bytes = 0}};
    void* const p = alloc.heap_alloc(layout{.bytes = 1'000'000});
    alloc.heap_free(p);
    fault_recorder const faults;
    alloc.heap_free(p);
    BOOST_TEST(reports(faults, fault_code::double_free, "of 1000000 bytes, is free already"));
    alloc.pool_free(p);
    BOOST_TEST(faults.count() == 2u);
    BOOST_TEST(faults.last() == fault_code::double_free);
}

BOOST_AUTO_TEST_CASE(memory_of_another_threads_frame_is_named_as_that)
{
    smart_alloc_debug alloc;
    fault_recorder const faults;
    alloc.begin_frame();
    void* const p = alloc.frame_alloc(layout{.bytes = 64});
    std::thread{[&] { alloc.pool_free(p); }}.join();
    BOOST_TEST(reports(faults, fault_code::wrong_thread, "lies in the frame of thread "));
    alloc.end_frame();
}

namespace {
/// Runs when a thread ends, after the library's own destructor, once that has run first.
struct late_user {
    smart_alloc_debug* alloc;
    int rounds = 0;
};
pthread_key_t late_key;
void at_the_very_end(void* p)
{
    auto& user = *static_cast<late_user*>(p);
    if (++user.rounds < 2) {
        ::pthread_setspecific(late_key, p);
        return;
    }
    user.alloc->pool_free(user.alloc->pool_alloc(layout{.bytes = 24}));
}
}  // namespace

BOOST_AUTO_TEST_CASE(a_thread_that_has_ended_and_allocates_is_served_and_named)
{
    smart_alloc_debug alloc;
    fault_recorder const faults;
    BOOST_TEST_REQUIRE(::pthread_key_create(&late_key, &at_the_very_end) == 0);
    late_user user{&alloc};
    std::thread{[&] {
        alloc.pool_free(alloc.pool_alloc(layout{.bytes = 24}));
        ::pthread_setspecific(late_key, &user);
    }}.join();
    ::pthread_key_delete(late_key);
    BOOST_TEST(user.rounds == 2);
    BOOST_TEST(faults.count() == 1u);
    BOOST_TEST(faults.last() == fault_code::thread_state_gone);
    BOOST_TEST(alloc.stats().pool_blocks_live == 0u);
}

BOOST_AUTO_TEST_CASE(an_allocator_that_ends_before_its_blocks_names_them)
{
    fault_recorder const faults;
    {
        smart_alloc_debug alloc{alloc_config{.name = "level"}};
        alloc.begin_frame();
        for (int i = 0; i < 10; ++i) static_cast<void>(alloc.pool_alloc(layout{.bytes = 24}));
        static_cast<void>(alloc.heap_alloc(layout{.bytes = 1000}));
        alloc.end_frame();
    }
    // Eight one by one, and the sum.
    BOOST_TEST(faults.count() == 9u);
    BOOST_TEST(faults.last() == fault_code::live_at_end);
    BOOST_TEST(faults.last_would_stop());
    BOOST_TEST(says(faults, " ended with 11 of its blocks alive, of 1240 bytes"));
    BOOST_TEST(says(faults, "allocator 'level'"));
}

// --- nothing is found where nothing is wrong ------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE_TEMPLATE(programs_without_mistakes_are_met_in_silence, Alloc,
                              decltype(std::tuple<smart_alloc_debug, owner_alloc, one_thread_alloc, mutex_alloc>{}))
{
    fault_recorder const faults;
    {
        Alloc alloc;
        std::mt19937 random{7};
        struct held {
            void* p;
            layout given;
            bool in_pool;
        };
        std::vector<held> blocks;
        for (int step = 0; step < 20'000; ++step) {
            if (blocks.size() < 200 || random() % 2 == 0) {
                layout const each{.bytes = random() % 3000, .align = std::size_t{1} << (random() % 9)};
                bool const in_pool = random() % 8 != 0;
                void* const p = in_pool ? alloc.pool_alloc(each) : alloc.heap_alloc(each);
                std::memset(p, int(step), each.bytes);
                BOOST_TEST_REQUIRE(alloc.usable_size(p) == each.bytes);
                blocks.push_back({p, each, in_pool});
            } else {
                std::swap(blocks[random() % blocks.size()], blocks.back());
                held const b = blocks.back();
                blocks.pop_back();
                bool const by_address = random() % 2 == 0;
                if (b.in_pool) {
                    by_address ? alloc.pool_free(b.p) : alloc.pool_free(b.p, b.given);
                } else {
                    by_address ? alloc.heap_free(b.p) : alloc.heap_free(b.p, b.given);
                }
            }
            if (step % 4000 == 3999) {
                static_cast<void>(alloc.trim());  // gives back pages inside slabs, too
                BOOST_TEST_REQUIRE(bool(alloc.verify()));
            }
        }
        for (held const& b : blocks) b.in_pool ? alloc.pool_free(b.p, b.given) : alloc.heap_free(b.p);
        BOOST_TEST(bool(alloc.verify()));
    }
    BOOST_TEST(faults.count() == 0u);
}

BOOST_AUTO_TEST_SUITE_END()
