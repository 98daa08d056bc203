// SPDX-License-Identifier: MIT OR Apache-2.0
#include "support/test.hpp"

#include "support/child.hpp"
#include "support/process.hpp"

#include <framealloc/sync/owner_queue.hpp>

#include <algorithm>
#include <atomic>
#include <set>
#include <thread>
#include <vector>

using namespace framealloc;
using namespace framealloc::test;

namespace {

using owned = basic_smart_alloc<sync::owner_queue>;
constexpr layout small{.bytes = 64, .align = 16};

std::vector<void*> take(owned& alloc, std::size_t n)
{
    std::vector<void*> blocks(n);
    for (void*& p : blocks) p = alloc.pool_alloc(small);
    return blocks;
}
void give(owned& alloc, std::vector<void*> const& blocks)
{
    for (void* p : blocks) alloc.pool_free(p, small);
}
/// The slabs that blocks lie in.
std::set<std::uintptr_t> slabs_of(std::vector<void*> const& blocks)
{
    std::set<std::uintptr_t> slabs;
    for (void* p : blocks) slabs.insert(detail::address_of(p) & ~std::uintptr_t{0xFFFF});
    return slabs;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(owner_queue)

BOOST_AUTO_TEST_CASE(a_block_freed_on_another_thread_serves_its_owner_again)
{
    owned alloc;
    auto const mine = take(alloc, 3000);
    std::vector<void*> others;
    std::atomic<int> step{0};
    std::thread other{[&] {
        others = take(alloc, 3000);
        give(alloc, mine);
        step = 1;
        while (step != 2) std::this_thread::yield();
        auto const more = take(alloc, 1000);
        others.insert(others.end(), more.begin(), more.end());
        give(alloc, others);
    }};
    while (step != 1) std::this_thread::yield();
    auto const again = take(alloc, 2000);
    auto const old_slabs = slabs_of(mine);
    auto const inside = std::count_if(again.begin(), again.end(), [&](void* p) {
        return old_slabs.contains(detail::address_of(p) & ~std::uintptr_t{0xFFFF});
    });
    BOOST_TEST(inside == 2000);
    step = 2;
    other.join();
    // The other thread has used what it held when it freed, a magazine and a reserve of 8 batches, and else its own.
    auto const mixed = std::count_if(others.begin(), others.end(), [&](void* p) {
        return old_slabs.contains(detail::address_of(p) & ~std::uintptr_t{0xFFFF});
    });
    BOOST_TEST(mixed <= (1 + 8) * 126);
    give(alloc, again);
    BOOST_TEST(alloc.stats().pool_blocks_live == 0u);
    BOOST_TEST(bool(alloc.verify()));
}

BOOST_AUTO_TEST_CASE(an_owner_collects_at_the_start_of_its_frame)
{
    owned alloc;
    auto const mine = take(alloc, 50'000);
    std::size_t const full = alloc.stats().pool_bytes_reserved;
    on_a_thread([&] { give(alloc, mine); });
    alloc.begin_frame();
    alloc.end_frame();
    // All but a few batches that are kept for the next requests have gone to the slabs, and empty slabs to the backend.
    BOOST_TEST(alloc.stats().pool_bytes_cached <= (4 + 16 + 4) * 126 * small.bytes);
    BOOST_TEST(alloc.stats().pool_bytes_reserved < full);
    static_cast<void>(alloc.trim());
    BOOST_TEST(alloc.stats().pool_bytes_reserved == 0u);
}

BOOST_AUTO_TEST_CASE(a_sleeping_owner_is_owed_a_bounded_number_of_blocks)
{
    owned alloc;
    std::atomic<int> step{0};
    std::vector<void*> blocks;
    std::thread owner{[&] {
        blocks = take(alloc, 100'000);
        step = 1;
        while (step != 2) std::this_thread::yield();
    }};
    while (step != 1) std::this_thread::yield();
    give(alloc, blocks);
    // 32 batches wait for the owner; a magazine and a reserve of 8 batches are this thread's, and as much the owner's. The
    // rest is anybody's.
    BOOST_TEST(alloc.stats().pool_bytes_cached <= (32 + 16 + 9 + 9) * 126 * small.bytes);
    std::size_t const reserved = alloc.stats().pool_bytes_reserved;
    auto const reused = take(alloc, 80'000);
    BOOST_TEST(alloc.stats().pool_bytes_reserved <= reserved + 90'000 * small.bytes);
    step = 2;
    owner.join();
    give(alloc, reused);
    BOOST_TEST(alloc.stats().pool_blocks_live == 0u);
    BOOST_TEST(bool(alloc.verify()));
}

BOOST_AUTO_TEST_CASE(blocks_of_an_owner_that_has_ended_are_anybodys)
{
    owned alloc;
    std::vector<void*> blocks;
    on_a_thread([&] { blocks = take(alloc, 20'000); });
    give(alloc, blocks);
    BOOST_TEST(alloc.stats().pool_blocks_live == 0u);
    static_cast<void>(alloc.trim());
    BOOST_TEST(alloc.stats().pool_bytes_reserved == 0u);
    BOOST_TEST(bool(alloc.verify()));
}

BOOST_AUTO_TEST_CASE(owners_come_and_go_while_others_free)
{
    owned alloc;
    for (int round = 0; round < 20; ++round) {
        std::atomic<int> step{0};
        std::vector<void*> blocks;
        std::thread owner{[&] {
            blocks = take(alloc, 2000);
            step = 1;
            while (step == 1) std::this_thread::yield();
        }};
        while (step != 1) std::this_thread::yield();
        std::thread freer{[&] { give(alloc, blocks); }};
        step = 2;  // the owner ends while its inbox is given to
        owner.join();
        freer.join();
        BOOST_TEST_REQUIRE(alloc.stats().pool_blocks_live == 0u);
        BOOST_TEST_REQUIRE(bool(alloc.verify()));
    }
}

BOOST_AUTO_TEST_CASE(a_forked_child_owes_nothing_to_threads_that_are_not_there)
{
    owned alloc;
    std::atomic<int> step{0};
    std::vector<void*> blocks;
    std::thread owner{[&] {
        blocks = take(alloc, 10'000);
        step = 1;
        while (step != 2) std::this_thread::yield();
    }};
    while (step != 1) std::this_thread::yield();
    child_result const child = run_in_child([&] {
        give(alloc, blocks);
        static_cast<void>(alloc.trim());
        auto const again = take(alloc, 5000);
        give(alloc, again);
        // Nothing waits in an inbox that nobody will open.
        return alloc.stats().pool_bytes_cached <= (16 + 2 + 2) * 126 * small.bytes + 10 * 126 * small.bytes ? 0 : 1;
    });
    BOOST_TEST(child.succeeded(), child.error_text);
    step = 2;
    owner.join();
    give(alloc, blocks);
}

BOOST_AUTO_TEST_SUITE_END()
