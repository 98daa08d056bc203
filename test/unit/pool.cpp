// SPDX-License-Identifier: MIT OR Apache-2.0
#include "support/test.hpp"

#include "support/faults.hpp"
#include "support/logged.hpp"

#include <framealloc/diagnostics/counters.hpp>

#include <algorithm>
#include <cstring>
#include <map>
#include <random>
#include <set>
#include <vector>

using namespace framealloc;
using test::backend_call;

namespace {

/// One thread and virtual memory, watched from outside.
using from_pages = test::logged<backend::virtual_memory>;
using watched_alloc = basic_smart_alloc<from_pages, sync::single_threaded>;

template <class Alloc>
std::vector<void*> take(Alloc& alloc, std::size_t count, std::size_t bytes) {
    std::vector<void*> blocks(count);
    for (void*& p : blocks) p = alloc.pool_alloc(layout{.bytes = bytes});
    return blocks;
}

/// Random sizes and all three forms of free, against a model that knows where every live block is and what is in it.
template <class Alloc>
void churn(unsigned seed)
{
    struct live {
        std::size_t bytes;
        unsigned char fill;
    };
    Alloc alloc;
    std::mt19937 random{seed};
    std::map<unsigned char*, live> blocks;
    for (int step = 0; step < 60'000; ++step) {
        // Grows and shrinks in turn, so that slabs fill up and run empty.
        bool const grow = step / 10'000 % 2 == 0;
        if (blocks.empty() || random() % 100 < (grow ? 65u : 35u)) {
            std::size_t const bytes = random() % 8 == 0 ? random() % 4097 : random() % 200;
            auto* const p = static_cast<unsigned char*>(alloc.pool_alloc(layout{.bytes = bytes, .align = 1}));
            live const block{bytes, static_cast<unsigned char>(random())};
            auto const [at, fresh] = blocks.emplace(p, block);
            bool const after_the_one_below =
                at == blocks.begin() || std::prev(at)->first + std::prev(at)->second.bytes <= p;
            bool const before_the_one_above = std::next(at) == blocks.end() || p + bytes <= std::next(at)->first;
            if (!fresh || !after_the_one_below || !before_the_one_above) BOOST_FAIL("two live blocks overlap");
            std::memset(p, block.fill, bytes);
        } else {
            auto const at = std::next(blocks.begin(),
                                      static_cast<std::ptrdiff_t>(random() % std::min<std::size_t>(blocks.size(), 40)));
            auto const [p, block] = *at;
            auto const intact = [fill = block.fill](unsigned char c) { return c == fill; };
            if (!std::all_of(p, p + block.bytes, intact)) BOOST_FAIL("a live block was written to");
            random() % 2 == 0 ? alloc.pool_free(p) : alloc.pool_free(p, layout{.bytes = block.bytes, .align = 1});
            blocks.erase(at);
        }
        if (step % 1000 == 0) {
            BOOST_TEST(bool(alloc.verify()));
            alloc_stats const now = alloc.stats();
            BOOST_TEST(now.pool_blocks_live + now.heap_blocks_live == blocks.size());
        }
    }
    for (auto const& [p, block] : blocks) alloc.pool_free(p);
    BOOST_TEST(alloc.stats().pool_blocks_live == 0u);
    BOOST_TEST(alloc.stats().heap_blocks_live == 0u);
    BOOST_TEST(bool(alloc.verify()));
}

}  // namespace

BOOST_AUTO_TEST_SUITE(pools)

BOOST_AUTO_TEST_CASE(every_size_up_to_the_largest_class_gets_the_next_power_of_two)
{
    smart_alloc alloc;
    for (std::size_t bytes = 0; bytes <= 4097; ++bytes) {
        layout const request{.bytes = bytes, .align = 1};
        void* const p = alloc.pool_alloc(request);
        std::size_t expected = 8;
        while (expected < bytes) expected *= 2;
        std::size_t const usable = alloc.usable_size(p);
        if (bytes <= 4096) {
            if (usable != expected) BOOST_ERROR(bytes << " bytes have room for " << usable);
            BOOST_TEST(alloc.stats().pool_bytes_live == expected);
            BOOST_TEST(alloc.stats().heap_blocks_live == 0u);
        } else {
            BOOST_TEST(alloc.stats().pool_blocks_live == 0u);
            BOOST_TEST(alloc.stats().heap_bytes_live == 4097u);
        }
        std::memset(p, 1, usable);
        alloc.pool_free(p, request);
    }
    BOOST_TEST(alloc.stats().pool_blocks_live == 0u);
    BOOST_TEST(alloc.stats().heap_blocks_live == 0u);
    // Ten classes, 8 to 4096, and no eleventh.
    BOOST_TEST((pool::size_class<8, 4096>::class_count) == 10u);
}

BOOST_AUTO_TEST_CASE(zero_bytes_are_a_block_of_their_own_that_can_be_freed)
{
    smart_alloc_debug alloc;
    test::fault_recorder const faults;
    std::set<void*> seen;
    for (int i = 0; i < 1000; ++i) seen.insert(alloc.pool_alloc(layout{.bytes = 0}));
    BOOST_TEST(seen.size() == 1000u);
    BOOST_TEST(seen.count(nullptr) == 0u);
    bool by_address = false;
    for (void* p : seen) {
        by_address ? alloc.pool_free(p) : alloc.pool_free(p, layout{.bytes = 0});
        by_address = !by_address;
    }
    BOOST_TEST(faults.count() == 0u);
    BOOST_TEST(alloc.stats().pool_blocks_live == 0u);
}

BOOST_AUTO_TEST_CASE(the_last_block_freed_is_the_next_one_given)
{
    smart_alloc alloc;
    void* const p = alloc.pool_alloc(layout{.bytes = 64});
    alloc.pool_free(p, layout{.bytes = 64});
    BOOST_TEST(alloc.pool_alloc(layout{.bytes = 50}) == p);
    alloc.pool_free(p);
    BOOST_TEST(alloc.local().pool_alloc(layout{.bytes = 33}) == p);
    alloc.ref().pool_free(p);
}

BOOST_AUTO_TEST_CASE(freeing_null_by_address_is_nothing)
{
    smart_alloc_debug alloc;
    test::fault_recorder const faults;
    alloc.pool_free(nullptr);
    alloc.heap_free(nullptr);
    BOOST_TEST(faults.count() == 0u);
    BOOST_TEST(alloc.stats().operations.pool_frees == 0u);
}

BOOST_AUTO_TEST_CASE(sizes_types_and_addresses_free_the_same_blocks)
{
    struct record {
        char bytes[48];
    };
    smart_alloc_debug alloc;  // names whatever does not fit
    test::fault_recorder const faults;
    alloc.pool_free(alloc.pool_alloc<record>());
    alloc.pool_free<record>(static_cast<record*>(alloc.pool_alloc(layout::of<record>())));
    alloc.pool_free(alloc.pool_new<record>(), layout::of<record>());
    alloc.pool_delete(static_cast<record*>(alloc.pool_alloc(layout::of<record>())));
    alloc.pool_free(alloc.pool_array<record>(5).data());
    alloc.pool_free(alloc.pool_array<record>(5).data(), layout::array_of<record>(5));
    alloc.pool_free(alloc.pool_array<record>(500).data());
    alloc.pool_free(alloc.pool_array<record>(500).data(), layout::array_of<record>(500));
    alloc.pool_free(alloc.pool_alloc(layout{.bytes = 3, .align = 64}), layout{.bytes = 3, .align = 64});
    alloc.pool_free(alloc.pool_alloc(layout{.bytes = 3, .align = 64}));
    BOOST_TEST(faults.count() == 0u);
    BOOST_TEST(alloc.stats().pool_blocks_live == 0u);
    BOOST_TEST(alloc.stats().heap_blocks_live == 0u);
}

BOOST_AUTO_TEST_CASE(live_blocks_never_overlap_and_keep_their_contents)
{
    unsigned const seed = std::random_device{}();
    BOOST_TEST_CONTEXT("seed " << seed) {
        churn<smart_alloc>(seed);
        churn<smart_alloc_debug>(seed + 1);
        churn<basic_smart_alloc<pool::size_class<16, 1024, 4096>>>(seed + 2);
        churn<smart_alloc_single_threaded>(seed + 3);
        churn<smart_alloc_minimal>(seed + 4);
        churn<basic_smart_alloc<backend::system>>(seed + 5);
    }
}

BOOST_AUTO_TEST_CASE(a_steady_state_makes_no_backend_call)
{
    test::backend_log log;
    // Each round lets go of some 6 MiB at once; what is to stay ready for the next one is for the program to say.
    watched_alloc alloc{alloc_config{.retained_slabs = 128}, from_pages{log}};
    auto const one_round = [&] {
        std::vector<std::pair<void*, layout>> blocks;
        for (std::size_t i = 0; i < 3000; ++i) {
            layout const request{.bytes = i * 37 % 4096};
            blocks.emplace_back(alloc.pool_alloc(request), request);
        }
        for (auto const& [p, request] : blocks) alloc.pool_free(p, request);
    };
    one_round();
    one_round();
    std::size_t const calls = log.count();
    for (int i = 0; i < 100; ++i) one_round();
    BOOST_TEST(log.count() == calls);
}

BOOST_AUTO_TEST_CASE(a_thousand_frames_of_everything_make_no_backend_call)
{
    test::backend_log log;
    basic_smart_alloc<from_pages> alloc{from_pages{log}};
    auto const one_frame = [&] {
        alloc.begin_frame();
        static_cast<void>(alloc.frame_array<int>(100'000));
        std::vector<void*> const small = take(alloc, 2000, 100);
        void* const large[] = {alloc.heap_alloc(layout{.bytes = 100'000}), alloc.heap_alloc(layout{.bytes = 1'000'000}),
                               alloc.pool_alloc(layout{.bytes = 5000})};
        for (void* p : small) alloc.pool_free(p);
        for (void* p : large) alloc.heap_free(p);
        alloc.end_frame();
    };
    for (int i = 0; i < 3; ++i) one_frame();
    std::size_t const calls = log.count();
    for (int i = 0; i < 1000; ++i) one_frame();
    BOOST_TEST(log.count() == calls);
}

BOOST_AUTO_TEST_CASE(empty_slabs_go_back_to_the_backend)
{
    test::backend_log log;
    watched_alloc alloc{from_pages{log}};
    std::vector<void*> const blocks = take(alloc, 40'000, 1024);
    std::size_t const full = alloc.stats().pool_bytes_reserved;
    BOOST_TEST(full >= 40'000u * 1024);
    for (void* p : blocks) alloc.pool_free(p);
    std::size_t const after = alloc.stats().pool_bytes_reserved;
    // What a thread and the depots may keep: a magazine, a reserve of two batches, and sixteen batches of 30 KiB, each block
    // in a slab of its own at worst; and the retained slabs.
    BOOST_TEST(after < full / 4);
    BOOST_TEST(log.count(backend_call::decommit) + log.count(backend_call::release) > 0u);
    BOOST_TEST(alloc.stats().pool_blocks_live == 0u);
    BOOST_TEST(bool(alloc.verify()));
    // And they can be taken again.
    for (void* p : take(alloc, 40'000, 1024)) alloc.pool_free(p);
    BOOST_TEST(alloc.stats().pool_bytes_reserved < full / 4);
    BOOST_TEST(bool(alloc.verify()));
}

BOOST_AUTO_TEST_CASE(slabs_of_one_class_serve_another_when_they_are_empty)
{
    test::backend_log log;
    watched_alloc alloc{alloc_config{.retained_slabs = 4096}, from_pages{log}};
    for (void* p : take(alloc, 60'000, 256)) alloc.pool_free(p);
    std::size_t const calls = log.count(backend_call::commit);
    for (void* p : take(alloc, 20'000, 512)) alloc.pool_free(p);
    // Nearly all of the second class's slabs were the first one's.
    BOOST_TEST(log.count(backend_call::commit) - calls < 60u);
}

BOOST_AUTO_TEST_CASE(everything_is_given_back_at_the_end_with_blocks_still_live)
{
    test::backend_log log;
    {
        watched_alloc alloc{from_pages{log}};
        for (std::size_t bytes = 1; bytes <= 10'000; bytes += 7)
            static_cast<void>(alloc.pool_alloc(layout{.bytes = bytes}));
        BOOST_TEST(log.bytes_held() > 0u);
    }
    BOOST_TEST(log.is_balanced());

    for (int i = 0; i < 100; ++i) {  // and a hundred instances leave as much behind as one
        basic_smart_alloc<from_pages> alloc{from_pages{log}};
        alloc.begin_frame();
        static_cast<void>(alloc.frame_array<char>(1'000'000));
        static_cast<void>(alloc.pool_alloc(layout{.bytes = 100}));
        static_cast<void>(alloc.heap_alloc(layout{.bytes = 1'000'000}));
    }
    BOOST_TEST(log.is_balanced());
}

BOOST_AUTO_TEST_CASE(a_pool_policy_may_have_other_classes_and_slabs)
{
    test::backend_log log;
    {
        basic_smart_alloc<from_pages, sync::single_threaded, pool::size_class<32, 512, 4096>> alloc{from_pages{log}};
        void* const small = alloc.pool_alloc(layout{.bytes = 1});
        void* const large = alloc.pool_alloc(layout{.bytes = 513});
        BOOST_TEST(alloc.usable_size(small) == 32u);
        BOOST_TEST(alloc.stats().pool_blocks_live == 1u);
        BOOST_TEST(alloc.stats().heap_blocks_live == 1u);
        alloc.pool_free(small);
        alloc.pool_free(large);
    }
    BOOST_TEST(log.is_balanced());
}

BOOST_AUTO_TEST_CASE(two_instances_do_not_share_pools)
{
    basic_smart_alloc<diagnostics::counters> first;
    basic_smart_alloc<diagnostics::counters> second;
    void* const p = first.pool_alloc(layout{.bytes = 64});
    void* const q = second.pool_alloc(layout{.bytes = 64});
    first.pool_free(p, layout{.bytes = 64});
    BOOST_TEST(second.pool_alloc(layout{.bytes = 64}) != p);
    BOOST_TEST(first.stats().pool_blocks_live == 0u);
    BOOST_TEST(second.stats().pool_blocks_live == 2u);
    BOOST_TEST(first.stats().operations.pool_allocations == 1u);
    BOOST_TEST(first.usable_size(q) == 0u);
    BOOST_TEST(second.usable_size(q) == 64u);
}

BOOST_AUTO_TEST_SUITE_END()
