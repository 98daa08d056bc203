// SPDX-License-Identifier: MIT OR Apache-2.0
#include "support/test.hpp"

#include "support/charges.hpp"
#include "support/child.hpp"
#include "support/faults.hpp"
#include "support/process.hpp"

#include <framealloc/arena/fixed.hpp>
#include <framealloc/backend/memory_resource.hpp>
#include <framealloc/backend/static_buffer.hpp>
#include <framealloc/backend/virtual_memory.hpp>
#include <framealloc/pool/none.hpp>
#include <framealloc/pool/fine_size_class.hpp>
#include <framealloc/smart_alloc_debug.hpp>
#include <framealloc/smart_alloc_hardened.hpp>
#include <framealloc/sync/mutex.hpp>
#include <framealloc/sync/owner_queue.hpp>
#include <framealloc/sync/single_threaded.hpp>
#include <framealloc/tag_budgets.hpp>
#include <framealloc/testing/assembly.hpp>

#include <algorithm>
#include <barrier>
#include <cstring>
#include <memory>
#include <memory_resource>
#include <mutex>
#include <set>
#include <thread>
#include <vector>

#include <sys/mman.h>

// What an attacker, or a stray write, would make use of: each ends the program, or is passed over where a handler goes on.

using namespace framealloc;
using test::child_result;
using test::fault_recorder;

namespace {

constexpr layout small{.bytes = 100};
using every_sealed = std::tuple<smart_alloc_hardened, smart_alloc_debug>;

/// The newest entry of the calling thread's magazine of a class.
template <class Alloc>
std::uintptr_t& newest_entry(Alloc& alloc, layout of)
{
    std::size_t const c = test::charges<typename Alloc::assembly_type>::class_of(of);
    detail::magazine& m = alloc.shared().state_if_any()->magazines[c];
    BOOST_TEST_REQUIRE(detail::magazine_count(m) != 0u);
    return reinterpret_cast<std::uintptr_t*>(m.top.load(detail::order::relaxed))[-1];
}

/// `mistake` stops the program after a report of `code`.
template <class Alloc = smart_alloc_hardened, class Mistake>
void expect_stop(char const* code, Mistake&& mistake)
{
    child_result const child = test::run_in_child([&] {
        Alloc alloc{alloc_config{.name = "shipped"}};
        mistake(alloc);
        return 0;
    });
    BOOST_TEST_CONTEXT(code << ": " << child.error_text) {
        BOOST_TEST(child.aborted());
        BOOST_TEST(child.says(code));
        BOOST_TEST(child.says("\n  note: "));
        BOOST_TEST(child.says("\n  help: "));
    }
}

void* hidden(void* p)
{
    asm volatile("" : "+r"(p));
    return p;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(hardened)

// --- frees ------------------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(a_second_free_stops_the_program_by_whatever_call_and_on_whatever_thread)
{
    expect_stop("[FA210]", [](auto& alloc) {
        void* const p = hidden(alloc.pool_alloc(small));
        alloc.pool_free(p);
        alloc.pool_free(p);
    });
    expect_stop("[FA210]", [](auto& alloc) {
        void* const p = hidden(alloc.pool_alloc(small));
        alloc.pool_free(p, small);
        alloc.pool_free(p, small);
    });
    expect_stop("[FA210]", [](auto& alloc) {
        void* const p = hidden(alloc.pool_alloc(small));
        alloc.local().pool_free(p, small);
        alloc.local().pool_free(p, small);
    });
    expect_stop("[FA210]", [](auto& alloc) {
        void* const p = hidden(alloc.pool_alloc(small));
        alloc.pool_free(p);
        std::thread{[&] { alloc.pool_free(p); }}.join();
    });
    // The pages of a heap block are the system's again, and nothing knows what they were.
    expect_stop("[FA211]", [](auto& alloc) {
        void* const p = hidden(alloc.heap_alloc(layout{.bytes = 10'000'000}));
        alloc.heap_free(p);
        alloc.heap_free(p);
    });
}

BOOST_AUTO_TEST_CASE(of_two_threads_that_free_a_block_at_once_one_is_found)
{
    smart_alloc_hardened alloc;
    fault_recorder const faults;
    constexpr std::size_t blocks = 2000;
    std::vector<void*> all(blocks);
    for (void*& p : all) p = alloc.pool_alloc(small);
    std::barrier begin{2};
    auto const free_all = [&] {
        begin.arrive_and_wait();
        for (void* const p : all) alloc.pool_free(p, small);
    };
    std::thread other{free_all};
    free_all();
    other.join();
    BOOST_TEST(faults.count() == blocks);
    BOOST_TEST(std::ranges::count(faults.codes(), fault_code::double_free) == std::ptrdiff_t(blocks));
    BOOST_TEST(alloc.stats().pool_blocks_live == 0u);
    BOOST_TEST(bool(alloc.verify()));
}

BOOST_AUTO_TEST_CASE(a_pointer_that_is_not_a_block_of_that_size_stops_the_program)
{
    expect_stop("[FA217]", [](auto& alloc) { alloc.pool_free(static_cast<char*>(alloc.pool_alloc(small)) + 8, small); });
    expect_stop("[FA212]", [](auto& alloc) {
        alloc.pool_free(alloc.pool_alloc(small), layout{.bytes = 1000});
    });
    expect_stop("[FA211]", [](auto& alloc) {
        int on_stack = 0;
        alloc.pool_free(hidden(&on_stack), small);
    });
    expect_stop("[FA211]", [](auto& alloc) {
        smart_alloc_hardened other;
        alloc.pool_free(other.pool_alloc(small), small);
    });
    // The head of a slab, and what lies behind its blocks, are no blocks either.
    expect_stop("[FA211]", [](auto& alloc) {
        using slab = detail::slab<smart_alloc_hardened::assembly_type>;
        alloc.pool_free(hidden(slab::of(alloc.pool_alloc(small))), small);
    });
}

namespace {

template <class Diagnostics>
using on_resource = basic_smart_alloc<Diagnostics, backend::memory_resource, pool::none, sync::single_threaded>;
using every_checking = std::tuple<on_resource<diagnostics::hardened>, on_resource<diagnostics::checked>>;

}  // namespace

BOOST_AUTO_TEST_CASE_TEMPLATE(a_pointer_with_nothing_below_it_is_foreign_beside_blocks_of_ours_too, Alloc, every_checking)
{
    // Within 64 KiB: a page that cannot be read, a foreign one, and memory that heap blocks come from.
    constexpr std::size_t unit = 65536, page = 4096;
    auto* const map =
        static_cast<char*>(::mmap(nullptr, 2 * unit, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    char* const begin = map + (unit - reinterpret_cast<std::uintptr_t>(map) % unit) % unit;
    char* const foreign = begin + page;
    BOOST_TEST_REQUIRE(::mprotect(foreign, unit - page, PROT_READ | PROT_WRITE) == 0);
    {
        std::pmr::monotonic_buffer_resource memory{foreign + page, unit - 2 * page};
        Alloc alloc{backend::memory_resource{&memory}};
        void* const block = alloc.heap_alloc(small);
        fault_recorder const faults;
        alloc.heap_free(foreign);
        alloc.heap_free(foreign, small);
        alloc.pool_free(foreign);
        BOOST_TEST(faults.count() == 3u);
        for (fault_code const c : faults.codes()) BOOST_TEST((c == fault_code::foreign_pointer));
        // Blocks whose heads lie on the page before are blocks.
        void* const aligned = alloc.heap_alloc(layout{.bytes = 100, .align = page});
        alloc.heap_free(aligned);
        alloc.heap_free(block);
        BOOST_TEST(faults.count() == 3u);
    }
    ::munmap(map, 2 * unit);
}

BOOST_AUTO_TEST_CASE(a_handler_that_goes_on_loses_nothing)
{
    smart_alloc_hardened alloc;
    fault_recorder const faults;
    void* const p = alloc.pool_alloc(small);
    alloc.pool_free(static_cast<char*>(p) + 16, small);
    alloc.pool_free(p, layout{.bytes = 1000});
    BOOST_TEST((faults.codes() == std::vector{fault_code::interior_pointer, fault_code::wrong_size}));
    BOOST_TEST(faults.last_would_stop());
    BOOST_TEST(alloc.stats().pool_blocks_live == 1u);
    alloc.pool_free(p, small);
    BOOST_TEST(faults.count() == 2u);
    BOOST_TEST(bool(alloc.verify()));
}

// --- what magazines hold ----------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(an_entry_of_a_magazine_is_no_address)
{
    smart_alloc_hardened alloc;
    void* const p = alloc.pool_alloc(small);
    alloc.pool_free(p);
    std::uintptr_t const entry = newest_entry(alloc, small);
    BOOST_TEST(entry != reinterpret_cast<std::uintptr_t>(p));
    BOOST_TEST(alloc.pool_alloc(small) == p);
    alloc.pool_free(p);
    BOOST_TEST(newest_entry(alloc, small) == entry);  // the same each time, in one instance

    smart_alloc_hardened other;
    other.pool_free(other.pool_alloc(small));
    BOOST_TEST(alloc.shared().pool_part().seal.close(p) == reinterpret_cast<void*>(entry));
    BOOST_TEST(other.shared().pool_part().seal.close(p) != reinterpret_cast<void*>(entry));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(any_bit_of_an_entry_that_is_flipped_is_found_when_the_block_is_wanted_and_by_verify, Alloc,
                              every_sealed)
{
    Alloc alloc;
    fault_recorder const faults;
    std::set<void*> given;
    for (unsigned bit = 0; bit < 64; ++bit) {
        alloc.pool_free(alloc.pool_alloc(small));
        std::uintptr_t& entry = newest_entry(alloc, small);
        entry ^= std::uintptr_t{1} << bit;
        BOOST_TEST_CONTEXT("bit " << bit)
        {
            auto const found = alloc.verify();
            BOOST_TEST(!found);
            BOOST_TEST(faults.count() == bit);  // verify() answers, and does not report
            void* const p = alloc.pool_alloc(small);
            BOOST_TEST(faults.count() == bit + 1);
            BOOST_TEST(faults.last() == fault_code::record_damaged);
            BOOST_TEST(faults.last_would_stop());
            // The entry is passed over, and the block that it was stays out.
            BOOST_TEST_REQUIRE(p != nullptr);
            std::memset(p, int(bit), small.bytes);
            BOOST_TEST(given.insert(p).second);
            BOOST_TEST(bool(alloc.verify()));
        }
    }
    for (void* const p : given) alloc.pool_free(p);
    BOOST_TEST(faults.count() == 64u);
}

BOOST_AUTO_TEST_CASE(an_entry_that_is_written_over_stops_the_program)
{
    expect_stop("[FA221] error", [](auto& alloc) {
        alloc.pool_free(alloc.pool_alloc(small));
        newest_entry(alloc, small) = 0x4141414141414141;
        static_cast<void>(alloc.pool_alloc(small));
    });
    // Blocks that go to other threads or back into their slabs are looked at as well.
    expect_stop("[FA221] error", [](auto& alloc) {
        std::thread{[&] {
            std::vector<void*> blocks(20);
            for (void*& p : blocks) p = alloc.pool_alloc(small);
            for (void* const p : blocks) alloc.pool_free(p);
            (&newest_entry(alloc, small))[-3] = 0x4141414141414141;
        }}.join();
        for (int i = 0; i < 400; ++i) static_cast<void>(alloc.pool_alloc(small));
    });
    expect_stop("[FA221] error", [](auto& alloc) {
        alloc.pool_free(alloc.pool_alloc(small));
        newest_entry(alloc, small) = 0;
        alloc.trim();
    });
}

BOOST_AUTO_TEST_CASE(verify_looks_at_every_magazine_and_depot)
{
    smart_alloc_hardened alloc;
    std::vector<void*> blocks(3000);
    for (void*& p : blocks) p = alloc.pool_alloc(small);
    std::thread{[&] {
        for (void* const p : blocks) alloc.pool_free(p);  // the thread's magazine and reserve, and the depot
        std::uintptr_t& entry = newest_entry(alloc, small);
        entry ^= 64;
        BOOST_TEST(!alloc.verify());
        entry ^= 64;
        BOOST_TEST(bool(alloc.verify()));
    }}.join();
    BOOST_TEST(bool(alloc.verify()));
    BOOST_TEST(alloc.stats().pool_blocks_live == 0u);
    for (void*& p : blocks) p = alloc.pool_alloc(small);
    BOOST_TEST((std::set<void*>(blocks.begin(), blocks.end()).size() == blocks.size()));
    for (void* const p : blocks) alloc.pool_free(p);
    BOOST_TEST(bool(alloc.verify()));
}

// --- guards -----------------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(writing_on_from_the_blocks_of_a_slab_traps_before_it_reaches_a_head)
{
    using slab = detail::slab<smart_alloc_hardened::assembly_type>;
    for (int const direction : {1, -1}) {
        for (std::size_t const bytes : {8u, 100u, 4000u}) {
            child_result const child = test::run_in_child([&] {
                smart_alloc_hardened alloc;
                auto* const p = static_cast<unsigned char volatile*>(hidden(alloc.pool_alloc(layout{.bytes = bytes})));
                auto const& s = *slab::of(const_cast<unsigned char*>(p));
                std::fprintf(stderr, "writes\n");
                // As far as the next slab's head, or the own one's.
                std::ptrdiff_t const far = direction > 0 ? std::ptrdiff_t(smart_alloc_hardened::assembly_type::pool::slab_bytes)
                                                         : std::ptrdiff_t(s.shape->first_block);
                for (std::ptrdiff_t i = 0; i < far; ++i) p[direction * i] = 0x41;
                return 0;
            });
            BOOST_TEST_CONTEXT(direction << " " << bytes << " " << child.error_text) {
                BOOST_TEST(child.says("writes"));
                if constexpr (test::under_sanitizer) {
                    BOOST_TEST(!child.succeeded());  // the tool sees it first
                } else {
                    BOOST_TEST((!child.exited && child.signal == SIGSEGV));
                }
            }
        }
    }
}

BOOST_AUTO_TEST_CASE(slabs_that_are_given_back_can_be_used_by_others)
{
    smart_alloc_hardened alloc;
    for (int round = 0; round < 3; ++round) {
        std::vector<void*> blocks(5000);
        for (void*& p : blocks) std::memset(p = alloc.pool_alloc(layout{.bytes = 1024}), round, 1024);
        std::size_t const most = alloc.stats().pool_bytes_reserved;
        for (void* const p : blocks) alloc.pool_free(p);
        alloc.trim();
        BOOST_TEST(alloc.stats().pool_bytes_reserved < most / 2);
        BOOST_TEST(bool(alloc.verify()));
    }
}

// --- together with other policies -------------------------------------------------------------------------------------

namespace {

using small_buffer = backend::static_buffer<(std::size_t{8} << 20)>;

template <class Sync>
using with_sync = basic_smart_alloc<diagnostics::hardened, backend::virtual_memory, Sync>;
using every_hardened =
    std::tuple<smart_alloc_hardened, with_sync<sync::mutex<std::mutex>>, with_sync<sync::owner_queue>,
               with_sync<sync::single_threaded>, basic_smart_alloc<diagnostics::hardened, budget::per_tag>,
               basic_smart_alloc<diagnostics::hardened, small_buffer, arena::fixed<16384>, pool::fine_size_class<>>>;

template <class Alloc>
constexpr bool has_threads = !Alloc::assembly_type::sync::one_thread;

}  // namespace

BOOST_AUTO_TEST_CASE_TEMPLATE(every_assembly_keeps_what_an_allocator_promises, Alloc, every_hardened)
{
    auto const alloc = std::make_unique<Alloc>();  // one is its own memory
    auto const report = testing::check_assembly(*alloc);
    BOOST_TEST(report.passed(), report.text());
    BOOST_TEST(report.looked_at() > 500);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(blocks_that_wander_between_threads_keep_what_they_hold, Alloc, every_hardened)
{
    if constexpr (has_threads<Alloc>) {
        auto const own = std::make_unique<Alloc>();
        Alloc& alloc = *own;
        fault_recorder const faults;
        constexpr std::size_t threads = 3, blocks = 200, rounds = 30;
        std::vector<std::vector<unsigned char*>> held(threads, std::vector<unsigned char*>(blocks));
        std::barrier turn{std::ptrdiff_t(threads)};
        std::atomic<std::size_t> spoiled{0};
        std::vector<std::thread> all;
        for (std::size_t t = 0; t < threads; ++t) {
            all.emplace_back([&, t] {
                for (std::size_t round = 0; round < rounds; ++round) {
                    auto& mine = held[t];
                    for (std::size_t i = 0; i < blocks; ++i) {
                        mine[i] = static_cast<unsigned char*>(alloc.pool_alloc(layout{.bytes = 16 + i}));
                        std::memset(mine[i], int(t + i), 16 + i);
                    }
                    turn.arrive_and_wait();
                    auto& theirs = held[(t + 1 + round) % threads];
                    std::size_t const writer = (t + 1 + round) % threads;
                    for (std::size_t i = 0; i < blocks; ++i) {
                        for (std::size_t k = 0; k < 16 + i; ++k) spoiled += theirs[i][k] != static_cast<unsigned char>(writer + i);
                        i % 2 == 0 ? alloc.pool_free(theirs[i]) : alloc.pool_free(theirs[i], layout{.bytes = 16 + i});
                    }
                    turn.arrive_and_wait();
                }
            });
        }
        for (std::thread& t : all) t.join();
        BOOST_TEST(spoiled.load() == 0u);
        BOOST_TEST(faults.count() == 0u);
        BOOST_TEST(alloc.stats().pool_blocks_live == 0u);
        BOOST_TEST(bool(alloc.verify()));
    }
}

BOOST_AUTO_TEST_CASE(frames_are_those_of_the_release_assembly)
{
    smart_alloc_hardened alloc;
    fault_recorder const faults;
    alloc.begin_frame();
    for (int i = 0; i < 1000; ++i) std::memset(alloc.frame_alloc(layout{.bytes = 100}), i, 100);
    alloc.end_frame();
    static_assert(!detail::keeps_records<smart_alloc_hardened::assembly_type>);
    BOOST_TEST(faults.count() == 0u);
    BOOST_TEST(bool(alloc.verify()));
}

BOOST_AUTO_TEST_SUITE_END()
