// SPDX-License-Identifier: MIT OR Apache-2.0
#include "support/test.hpp"

#include "support/faults.hpp"
#include "support/process.hpp"

#include <framealloc/backend/counting.hpp>
#include <framealloc/backend/faulting.hpp>
#include <framealloc/sync/mutex.hpp>
#include <framealloc/sync/owner_queue.hpp>

#include <algorithm>
#include <atomic>
#include <barrier>
#include <cstring>
#include <latch>
#include <mutex>
#include <tuple>

// A block may be freed on any thread: that succeeds at once, whatever its first thread, the lock or the backend does.

using namespace framealloc;
using namespace framealloc::test;

namespace {

using default_backend = detail::default_policies::backend;
template <class Sync>
using counted = basic_smart_alloc<Sync, backend::counting<default_backend>>;
template <class Sync>
using faulty = basic_smart_alloc<Sync, backend::faulting<default_backend>>;

/// A lock that can be held against everybody: a free that waited for it would never end.
class stuck_mutex {
public:
    static inline std::atomic<bool> is_stuck{false};
    static inline std::atomic<int> waits{0};

    void lock() {
        if (is_stuck) ++waits;
        m_.lock();
    }
    void unlock() { m_.unlock(); }
    bool try_lock() { return !is_stuck && m_.try_lock(); }

private:
    std::mutex m_;
};

using with_threads = std::tuple<sync::mutex<std::mutex>, sync::lock_free, sync::owner_queue>;

constexpr layout small{.bytes = 64, .align = 16};

template <class Alloc>
std::vector<void*> blocks_of_another_thread(Alloc& alloc, std::size_t count, layout each = small) {
    std::vector<void*> blocks(count);
    on_a_thread([&] {
        for (void*& p : blocks) {
            p = alloc.pool_alloc(each);
            std::memset(p, 0x5A, each.bytes);
        }
    });
    return blocks;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(cross_thread_free)

BOOST_AUTO_TEST_CASE_TEMPLATE(a_new_thread_frees_while_the_backend_refuses_everything, Sync, with_threads)
{
    faulty<Sync> alloc;
    auto blocks = blocks_of_another_thread(alloc, 1000);
    std::thread owner_with_state{[&] { static_cast<void>(alloc.attach_thread()); }};
    owner_with_state.join();
    // Its record serves one thread; all others get none while the backend refuses.
    static_cast<void>(alloc.attach_thread());
    alloc.backend().fail_all(backend::fault_plan::from(1));
    std::barrier together{4};
    on_threads(4, [&](std::size_t i) {
        together.arrive_and_wait();
        for (std::size_t n = i; n < blocks.size(); n += 4) {
            if (n % 2 == 0) {
                alloc.pool_free(blocks[n], small);
            } else {
                alloc.pool_free(blocks[n]);
            }
        }
        together.arrive_and_wait();
    });
    BOOST_TEST(alloc.stats().pool_blocks_live == 0u);
    BOOST_TEST(bool(alloc.verify()));

    // And the blocks can be used again: all of them, without the backend.
    std::size_t const reserved = alloc.stats().pool_bytes_reserved;
    for (void*& p : blocks) p = alloc.try_pool_alloc(small);
    BOOST_TEST(std::count(blocks.begin(), blocks.end(), nullptr) == 0);
    BOOST_TEST(alloc.stats().pool_bytes_reserved == reserved);
    alloc.backend().fail_all(backend::fault_plan::never());
    for (void* p : blocks) alloc.pool_free(p, small);
    BOOST_TEST(bool(alloc.verify()));
}

BOOST_AUTO_TEST_CASE(a_free_never_waits_for_a_lock)
{
    basic_smart_alloc<sync::mutex<stuck_mutex>> alloc;
    auto const blocks = blocks_of_another_thread(alloc, 5000);
    static_cast<void>(alloc.attach_thread());
    stuck_mutex::waits = 0;
    stuck_mutex::is_stuck = true;
    for (std::size_t i = 0; i < 3000; ++i) alloc.pool_free(blocks[i], small);
    // Nor does that of a thread that has never been here, nor the first one after a trim().
    on_a_thread([&] {
        for (std::size_t i = 3000; i < 4000; ++i) alloc.pool_free(blocks[i], small);
    });
    BOOST_TEST(stuck_mutex::waits == 0);
    stuck_mutex::is_stuck = false;
    void* const carves = alloc.pool_alloc(small);
    static_cast<void>(alloc.trim());
    stuck_mutex::waits = 0;
    stuck_mutex::is_stuck = true;
    for (std::size_t i = 4000; i < blocks.size(); ++i) alloc.pool_free(blocks[i], small);
    alloc.pool_free(carves, small);
    BOOST_TEST(stuck_mutex::waits == 0);
    stuck_mutex::is_stuck = false;
    BOOST_TEST(alloc.stats().pool_blocks_live == 0u);
    BOOST_TEST(bool(alloc.verify()));
    // None is lost: all of it can go back.
    static_cast<void>(alloc.trim());
    BOOST_TEST(alloc.stats().pool_bytes_reserved == 0u);
}

namespace {

/// Calls `in_between` in the middle of each call of the thread that it is meant for.
struct interrupted {
    using family = backend_family;
    static constexpr bool is_thread_safe = true;
    static inline thread_local bool is_meant = false;
    static inline thread_local bool was_interrupted = false;
    static inline void (*in_between)() = nullptr;

    void* try_allocate(layout request) noexcept {
        if (is_meant) in_between();
        return backend::system{}.try_allocate(request);
    }
    void deallocate(void* p, layout given) noexcept { backend::system{}.deallocate(p, given); }
};
using interruptible = basic_smart_alloc<interrupted>;
interruptible* interrupted_alloc = nullptr;
std::atomic<int> holder_step{0};
std::thread holder;

}  // namespace

BOOST_AUTO_TEST_CASE(a_record_that_cannot_be_entered_without_waiting_serves_the_next_free)
{
    interruptible alloc;
    interrupted_alloc = &alloc;
    auto const blocks = blocks_of_another_thread(alloc, 200);
    // While a freeing thread gets memory for its record, another one takes the registry and keeps it.
    interrupted::in_between = [] {
        if (holder_step != 0) return;
        holder = std::thread{[] {
            static_cast<void>(detail::thread_registry::find_instance([](detail::instance_base&) {
                holder_step = 1;
                while (holder_step != 2) std::this_thread::yield();
                return true;
            }));
        }};
        while (holder_step != 1) std::this_thread::yield();
        interrupted::was_interrupted = true;
    };
    std::atomic<std::size_t> next{0};
    std::latch all_there{40};
    on_threads(40, [&](std::size_t) {  // at once, so that none takes over another's record
        interrupted::is_meant = true;
        alloc.pool_free(blocks[next++], small);  // settled, where the registry is held
        if (interrupted::was_interrupted) holder_step = 2;  // by nobody else, so that it is held until then
        alloc.pool_free(blocks[next++], small);
        all_there.arrive_and_wait();
        alloc.pool_free(blocks[next++], small);
    });
    BOOST_TEST_REQUIRE(holder_step.load() == 2);  // it has happened
    holder.join();
    for (std::size_t i = next; i < blocks.size(); ++i) alloc.pool_free(blocks[i], small);
    BOOST_TEST(alloc.stats().pool_blocks_live == 0u);
    BOOST_TEST(bool(alloc.verify()));
    static_cast<void>(alloc.trim());
    BOOST_TEST(alloc.stats().pool_bytes_reserved == 0u);
}

namespace {

/// Stops inside a commit, where the thread has the instance's lock, until it may go on.
struct held_inside : backend::virtual_memory {
    static inline std::atomic<bool> holds{false}, is_inside{false};
    static inline std::atomic<std::size_t> discarded_bytes{0};

    bool commit(void* p, std::size_t bytes) noexcept {
        is_inside = holds.load();
        while (holds) std::this_thread::yield();
        return virtual_memory::commit(p, bytes);
    }
    bool discard(void* p, std::size_t bytes) noexcept {
        discarded_bytes += bytes;
        return virtual_memory::discard(p, bytes);
    }
};

}  // namespace

BOOST_AUTO_TEST_CASE_TEMPLATE(what_is_freed_beside_a_held_lock_leaves_memory_at_once, Sync, with_threads)
{
    basic_smart_alloc<Sync, held_inside> alloc;
    constexpr layout page{.bytes = 4096, .align = 16};
    constexpr std::size_t slabs = 400, count = slabs * 15;
    auto const blocks = blocks_of_another_thread(alloc, count, page);
    static_cast<void>(alloc.attach_thread());
    BOOST_TEST(alloc.stats().pool_bytes_reserved >= slabs * 64_KiB);

    held_inside::discarded_bytes = 0;
    held_inside::holds = true;
    std::latch outside{1}, over{1};
    std::thread inside{[&] {
        void* const p = alloc.pool_alloc(small);
        outside.count_down();
        over.wait();  // it is not the end of a thread that sees to what was left
        alloc.pool_free(p, small);
    }};
    while (!held_inside::is_inside) std::this_thread::yield();
    for (void* p : blocks) alloc.pool_free(p, page);
    // All but the slabs of what this thread and the depot keep: 18 and 96 blocks, freed one after the other.
    constexpr std::size_t kept = (18 + 96) / 15 + 3;
    BOOST_TEST(held_inside::discarded_bytes >= (slabs - kept) * 60_KiB);

    held_inside::holds = false;
    outside.wait();
    // Nobody has called since. Besides what is kept, 16 empty slabs, and the one that the other thread carves from.
    BOOST_TEST(alloc.stats().pool_bytes_reserved <= (kept + 16 + 1) * 64_KiB);
    over.count_down();
    inside.join();
    BOOST_TEST(alloc.stats().pool_blocks_live == 0u);
    BOOST_TEST(bool(alloc.verify()));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(eight_threads_free_what_a_sleeping_thread_allocated, Sync, with_threads)
{
    counted<Sync> alloc;
    constexpr std::size_t count = repetitions(400000, 40000);
    std::vector<void*> blocks(count);
    std::latch allocated{1}, freed{1};
    std::thread owner{[&] {
        for (void*& p : blocks) p = alloc.pool_alloc(small);
        allocated.count_down();
        freed.wait();  // sleeps through all of it
    }};
    allocated.wait();
    // Each thread once, so that its record is there.
    on_threads(8, [&](std::size_t) { static_cast<void>(alloc.attach_thread()); });
    std::size_t const live_bytes = count * small.bytes;
    on_threads(8, [&](std::size_t i) {
        for (std::size_t n = i; n < count; n += 8) alloc.pool_free(blocks[n], small);
    });
    auto const stats = alloc.stats();
    BOOST_TEST(stats.pool_blocks_live == 0u);
    BOOST_TEST(bool(alloc.verify()));
    // What stays: the blocks in magazines and depot pin their slabs (at most 16 batches in the depot and two of the
    // sleeper, of 126 blocks each), 16 slabs are retained. The rest has gone back while its first thread slept.
    constexpr std::size_t pinned = (16 + 2) * 126 + 16 + 1;
    BOOST_TEST(stats.pool_bytes_reserved <= pinned * 64_KiB);
    if (count > 100000) BOOST_TEST(stats.pool_bytes_reserved < live_bytes / 2);
    freed.count_down();
    owner.join();
    BOOST_TEST(bool(alloc.verify()));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(frees_ask_the_backend_for_nothing_but_records_of_batches, Sync, with_threads)
{
    counted<Sync> alloc;
    auto const blocks = blocks_of_another_thread(alloc, 3000);
    on_a_thread([&] {
        static_cast<void>(alloc.attach_thread());
        auto const before = alloc.backend().counts();
        for (void* p : blocks) alloc.pool_free(p, small);
        auto const after = alloc.backend().counts();
        BOOST_TEST(after.allocate_calls == before.allocate_calls);
        // 3,000 blocks are 24 batches of 1 KiB: one range of 64 KiB, committed in four steps, has room for all.
        BOOST_TEST(after.reserve_calls <= before.reserve_calls + 1);
        BOOST_TEST(after.commit_calls <= before.commit_calls + 4);
    });
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_thread_that_frees_a_million_objects_keeps_its_magazines_only, Sync, with_threads)
{
    counted<Sync> alloc;
    constexpr std::size_t count = repetitions(1000000, 50000);
    auto blocks = blocks_of_another_thread(alloc, count);
    std::latch freed{1}, used{1};
    std::thread hoarder{[&] {
        for (void* p : blocks) alloc.pool_free(p, small);
        freed.count_down();
        used.wait();  // lives on, with what it keeps
    }};
    freed.wait();
    // In all caches together: a magazine and a reserve of 8 batches of the thread, and 16 batches in the depot, of 126 blocks
    // of 64 bytes each.
    BOOST_TEST(alloc.stats().pool_bytes_cached <= (1 + 8 + 16) * 126 * 64u);
    BOOST_TEST(alloc.stats().pool_blocks_live == 0u);

    // All others can be had by this thread, without a byte more than there was.
    std::size_t const back = count - (1 + 8) * 126;
    std::size_t highest = 0;
    for (std::size_t i = 0; i < back; ++i) {
        blocks[i] = alloc.pool_alloc(small);
        if (i % 4096 == 0) highest = std::max(highest, alloc.stats().pool_bytes_reserved);
    }
    // A slab of 64 KiB holds more than 1,000 blocks of 64 bytes.
    std::size_t const needed = (count / 1000 + 1) * 64_KiB;
    BOOST_TEST(highest <= needed + 64_KiB);
    used.count_down();
    hoarder.join();
    for (std::size_t i = 0; i < back; ++i) alloc.pool_free(blocks[i], small);
    BOOST_TEST(bool(alloc.verify()));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(an_owner_that_only_allocates_gets_back_what_others_free, Sync, with_threads)
{
    // No frame boundary, no free of its own: what comes back is found when its magazine runs dry.
    counted<Sync> alloc;
    constexpr std::size_t rounds = repetitions(2000, 200), per_round = 500;
    std::vector<void*> blocks(per_round);
    std::barrier step{2};
    std::thread helper{[&] {
        for (std::size_t r = 0; r < rounds; ++r) {
            step.arrive_and_wait();
            for (void* p : blocks) alloc.pool_free(p, small);
            step.arrive_and_wait();
        }
    }};
    for (std::size_t r = 0; r < rounds; ++r) {
        for (void*& p : blocks) p = alloc.pool_alloc(small);
        step.arrive_and_wait();
        step.arrive_and_wait();
    }
    helper.join();
    // 500 live, and (2 x 2 + 16) x 126 at most in caches: 3,020 blocks fit into 4 slabs. One more is being carved.
    BOOST_TEST(alloc.stats().pool_bytes_reserved <= 5 * 64_KiB);
    BOOST_TEST(alloc.stats().pool_blocks_live == 0u);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(empty_slabs_go_back_to_the_backend, Sync, with_threads)
{
    counted<Sync> alloc;
    constexpr std::size_t count = 200000;
    auto const blocks = blocks_of_another_thread(alloc, count);
    std::size_t const most = alloc.backend().counts().committed_bytes;
    for (void* p : blocks) alloc.pool_free(p, small);
    std::size_t const left = alloc.backend().counts().committed_bytes;
    BOOST_TEST(most > count * small.bytes);
    BOOST_TEST(left < most / 3);
    BOOST_TEST(alloc.backend().counts().release_calls > 0u);  // whole regions, too
    BOOST_TEST(bool(alloc.verify()));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(owners_and_boxes_may_be_released_on_any_thread, Sync, with_threads)
{
    counted<Sync> alloc;
    struct noted {
        std::atomic<int>* ended;
        ~noted() { ++*ended; }
    };
    std::atomic<int> ended{0};
    auto in_pool = alloc.template pool_box<noted>(&ended);
    auto in_heap = alloc.template heap_box<noted>(&ended);
    on_a_thread([&, mine = std::move(in_pool)]() mutable {
        in_heap.reset();
        mine.reset();
    });
    BOOST_TEST(ended == 2);
    BOOST_TEST(alloc.stats().pool_blocks_live == 0u);
    BOOST_TEST(alloc.stats().heap_blocks_live == 0u);
}

BOOST_AUTO_TEST_CASE(two_threads_that_free_one_block_are_told_apart)
{
    // With checks, exactly one of two racing frees is a double free.
    smart_alloc_debug alloc;
    fault_recorder faults;
    constexpr std::size_t rounds = repetitions(2000, 300);
    std::vector<void*> blocks(rounds);
    for (void*& p : blocks) p = alloc.pool_alloc(small);
    std::barrier together{2};
    on_threads(2, [&](std::size_t) {
        for (void* p : blocks) {
            together.arrive_and_wait();
            alloc.pool_free(p, small);
        }
    });
    BOOST_TEST(faults.count() == rounds);
    BOOST_TEST(faults.last() == fault_code::double_free);
    BOOST_TEST(alloc.stats().pool_blocks_live == 0u);
    BOOST_TEST(bool(alloc.verify()));
}

BOOST_AUTO_TEST_SUITE_END()
