// SPDX-License-Identifier: MIT OR Apache-2.0
#include "support/test.hpp"

#include "support/faults.hpp"
#include "support/process.hpp"

#include <framealloc/backend/counting.hpp>
#include <framealloc/diagnostics/counters.hpp>
#include <framealloc/sync/mutex.hpp>

#include <atomic>
#include <barrier>
#include <latch>
#include <memory>
#include <mutex>
#include <optional>
#include <tuple>

#include <pthread.h>

// Threads and instances, in every order of birth and death.

using namespace framealloc;
using namespace framealloc::test;

namespace {

template <class Sync>
using alloc_with = basic_smart_alloc<Sync, diagnostics::counters>;
using with_threads = std::tuple<sync::mutex<std::mutex>, sync::lock_free>;

constexpr layout small{.bytes = 48, .align = 16};

struct counts_its_end {
    std::atomic<int>* ended;
    ~counts_its_end() { ++*ended; }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(thread_lifecycle)

BOOST_AUTO_TEST_CASE_TEMPLATE(what_an_ended_thread_left_can_still_be_used_and_freed, Sync, with_threads)
{
    alloc_with<Sync> alloc;
    std::vector<unsigned char*> blocks;
    void* large = nullptr;
    on_a_thread([&] {
        for (int i = 0; i < 1000; ++i) {
            blocks.push_back(static_cast<unsigned char*>(alloc.pool_alloc(small)));
            *blocks.back() = static_cast<unsigned char>(i);
        }
        large = alloc.heap_alloc(layout{.bytes = 100000, .align = 64});
    });
    BOOST_TEST(alloc.stats().threads == 0u);
    BOOST_TEST(alloc.stats().pool_blocks_live == 1000u);
    for (std::size_t i = 0; i < blocks.size(); ++i) {
        BOOST_TEST_REQUIRE(*blocks[i] == static_cast<unsigned char>(i));
        alloc.pool_free(blocks[i], small);
    }
    alloc.heap_free(large);
    BOOST_TEST(alloc.stats().pool_blocks_live == 0u);
    BOOST_TEST(alloc.stats().heap_blocks_live == 0u);
    BOOST_TEST(bool(alloc.verify()));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(the_slabs_of_ended_threads_are_carved_by_others, Sync, with_threads)
{
    // Each thread leaves a slab with nearly all of its blocks unused; without adoption, 50 threads would leave 50
    // slabs.
    alloc_with<Sync> alloc;
    for (int i = 0; i < 50; ++i) {
        on_a_thread([&] { static_cast<void>(alloc.pool_alloc(small)); });
    }
    BOOST_TEST(alloc.stats().pool_blocks_live == 50u);
    BOOST_TEST(alloc.stats().pool_bytes_reserved == 64_KiB);
    BOOST_TEST(bool(alloc.verify()));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(what_an_ended_thread_freed_serves_the_next_one, Sync, with_threads)
{
    alloc_with<Sync> alloc;
    auto const reserved_after_a_thread = [&] {
        on_a_thread([&] {
            std::vector<void*> blocks;
            for (int i = 0; i < 10000; ++i) blocks.push_back(alloc.pool_alloc(small));
            for (void* p : blocks) alloc.pool_free(p, small);
        });
        return alloc.stats().pool_bytes_reserved;
    };
    std::size_t const first = reserved_after_a_thread();
    for (int i = 0; i < 20; ++i) BOOST_TEST(reserved_after_a_thread() <= first);
    BOOST_TEST(alloc.stats().pool_blocks_live == 0u);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_thread_may_end_inside_a_frame_and_its_scopes, Sync, with_threads)
{
    alloc_with<Sync> alloc;
    std::atomic<int> ended{0};
    fault_recorder faults;
    on_a_thread([&] {
        alloc.begin_frame();
        for (int i = 0; i < 5; ++i) alloc.template frame_new<counts_its_end>(&ended);
        static_cast<void>(alloc.frame_alloc(layout{.bytes = 3_MiB, .align = 64}));
        // A scope that is never left: its storage is the frame's own, so that it lasts as long.
        using scope_type = decltype(alloc.frame_scope());
        ::new (alloc.frame_alloc(layout::of<scope_type>())) scope_type(alloc.shared());
        alloc.template frame_new<counts_its_end>(&ended);
    });
    BOOST_TEST(ended == 6);  // the objects are destroyed with their thread
    BOOST_TEST(alloc.stats().frame_bytes_used == 0u);
    BOOST_TEST(faults.count() == 0u);  // reported by diagnostics::checked alone

    // The next thread takes the record over, closed, and with the memory that it still has.
    on_a_thread([&] {
        BOOST_TEST(alloc.try_frame_alloc(small) == nullptr);
        BOOST_TEST(faults.last() == fault_code::frame_not_open);
        alloc.begin_frame();
        BOOST_TEST(alloc.try_frame_alloc(small) != nullptr);
        alloc.end_frame();
    });
    BOOST_TEST(alloc.stats().frame_bytes_used == 0u);
    BOOST_TEST(bool(alloc.verify()));
}

BOOST_AUTO_TEST_CASE(a_frame_left_open_is_named_where_somebody_checks)
{
    smart_alloc_debug alloc;
    fault_recorder faults;
    on_a_thread([&] {
        alloc.begin_frame();
        static_cast<void>(alloc.frame_alloc(small));
    });
    BOOST_TEST(faults.count() == 1u);
    BOOST_TEST(faults.last() == fault_code::frame_left_open);
    BOOST_TEST(faults.last_would_stop());
    BOOST_TEST(alloc.stats().frame_bytes_used == 0u);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(an_instance_may_end_before_its_threads, Sync, with_threads)
{
    // One of the threads is inside a frame, one inside the frame of all, one between frames.
    std::atomic<int> ended{0}, closed{0};
    std::barrier step{4};
    std::optional<alloc_with<Sync>> alloc;
    alloc.emplace();
    std::vector<std::thread> threads;
    for (int i = 0; i < 3; ++i) {
        threads.emplace_back([&, i] {
            if (i == 0) alloc->begin_frame();
            step.arrive_and_wait();  // begin_frame_all
            if (i < 2) alloc->template frame_new<counts_its_end>(&ended);
            static_cast<void>(alloc->pool_alloc(small));
            static_cast<void>(alloc->heap_alloc(layout{.bytes = 5000, .align = 16}));
            step.arrive_and_wait();  // the instance ends
            step.arrive_and_wait();  // another one lives in the same place
            closed += !alloc->frame_is_open();
            static_cast<void>(alloc->pool_alloc(small));
            step.arrive_and_wait();
        });
    }
    alloc->begin_frame_all();
    step.arrive_and_wait();
    step.arrive_and_wait();
    alloc.reset();
    BOOST_TEST(ended == 2);
    alloc.emplace();
    step.arrive_and_wait();
    step.arrive_and_wait();
    for (std::thread& t : threads) t.join();
    BOOST_TEST(closed == 3);
    BOOST_TEST(alloc->stats().pool_blocks_live == 3u);
    BOOST_TEST(alloc->stats().heap_blocks_live == 0u);
    BOOST_TEST(alloc->stats().frames_begun == 0u);
    BOOST_TEST(bool(alloc->verify()));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(an_instance_may_end_on_a_thread_that_never_used_it, Sync, with_threads)
{
    std::atomic<int> ended{0};
    auto alloc = std::make_unique<alloc_with<Sync>>();
    alloc->begin_frame();
    alloc->template frame_new<counts_its_end>(&ended);
    static_cast<void>(alloc->pool_alloc(small));
    on_a_thread([&] { alloc.reset(); });
    BOOST_TEST(ended == 1);

    // This thread's way to the instance has been cut: the next instance starts with a closed frame.
    fault_recorder faults;
    alloc = std::make_unique<alloc_with<Sync>>();
    BOOST_TEST(alloc->try_frame_alloc(small) == nullptr);
    BOOST_TEST(faults.last() == fault_code::frame_not_open);
    BOOST_TEST(alloc->stats().pool_blocks_live == 0u);
}

BOOST_AUTO_TEST_CASE(instances_come_and_go_while_threads_end)
{
    // Thread exit and instance death meet in the registry, in whatever order they come.
    constexpr std::size_t rounds = repetitions(300, 60);
    for (std::size_t i = 0; i < rounds; ++i) {
        auto alloc = std::make_unique<smart_alloc>();
        std::latch used{3};
        std::vector<std::thread> threads;
        for (int t = 0; t < 3; ++t) {
            threads.emplace_back([&a = *alloc, &used] {
                a.begin_frame();
                static_cast<void>(a.frame_alloc(small));
                static_cast<void>(a.pool_alloc(small));
                used.count_down();
            });
        }
        used.wait();
        alloc.reset();  // the threads are ending meanwhile
        for (std::thread& t : threads) t.join();
    }
}

BOOST_AUTO_TEST_CASE(ids_are_never_drawn_twice)
{
    smart_alloc unused;
    BOOST_TEST(unused.id() == 0u);
    unsigned long long last = 0;
    for (int i = 0; i < 100; ++i) {
        smart_alloc alloc;  // all in the same place
        static_cast<void>(alloc.pool_alloc(small));
        BOOST_TEST_REQUIRE(alloc.id() > last);
        last = alloc.id();
    }
}

BOOST_AUTO_TEST_CASE(ten_thousand_threads_leave_no_more_than_a_thousand)
{
    smart_alloc alloc;
    auto const a_thread = [&] {
        alloc.begin_frame();
        static_cast<void>(alloc.frame_alloc(small));
        alloc.pool_free(alloc.pool_alloc(small), small);
        alloc.heap_free(alloc.heap_alloc(layout{.bytes = 5000, .align = 16}));
        alloc.end_frame();
    };
    for (int i = 0; i < 1000; ++i) on_a_thread(a_thread);
    std::size_t const taken = alloc.stats().backend_bytes;
    std::size_t const resident = resident_bytes();
    constexpr std::size_t more = repetitions(9000, 500);
    for (std::size_t i = 0; i < more; ++i) on_a_thread(a_thread);
    BOOST_TEST(alloc.stats().backend_bytes == taken);
    BOOST_TEST(alloc.stats().frames_begun == 1000 + more);
    if (!under_sanitizer) BOOST_TEST(resident_bytes() < resident + 64_KiB);
}

namespace {

/// Uses an allocator in its destructor, and in a frame of its own.
struct late_user {
    smart_alloc* alloc = nullptr;
    std::atomic<int>* served = nullptr;
    void* kept = nullptr;

    void use() const {
        alloc->begin_frame();
        bool const right = alloc->try_frame_alloc(small) != nullptr;
        alloc->end_frame();
        void* const p = alloc->try_pool_alloc(small);
        void* const q = alloc->try_heap_alloc(layout{.bytes = 3000, .align = 16});
        if (p != nullptr) alloc->pool_free(p, small);
        alloc->heap_free(q);
        *served += right && p != nullptr && q != nullptr;
    }
    ~late_user() {
        if (alloc == nullptr) return;
        alloc->pool_free(kept, small);
        use();
    }
};
thread_local late_user made_before_our_state;
thread_local late_user made_after_our_state;

pthread_key_t later_key;
void use_later(void* p) { static_cast<late_user*>(p)->use(); }

}  // namespace

BOOST_AUTO_TEST_CASE(destructors_of_thread_local_objects_may_allocate_and_free)
{
    smart_alloc alloc;
    std::atomic<int> served{0};
    for (int round = 0; round < 3; ++round) {
        on_a_thread([&] {
            made_before_our_state = {};
            void* const p = alloc.pool_alloc(small);
            made_after_our_state = {};
            for (late_user* user : {&made_before_our_state, &made_after_our_state}) {
                user->alloc = &alloc;
                user->served = &served;
                user->kept = alloc.pool_alloc(small);
            }
            alloc.pool_free(p, small);
        });
    }
    BOOST_TEST(served == 6);
    BOOST_TEST(alloc.stats().pool_blocks_live == 0u);
    BOOST_TEST(alloc.stats().threads == 0u);
    BOOST_TEST(bool(alloc.verify()));
}

BOOST_AUTO_TEST_CASE(what_runs_after_our_own_end_of_thread_may_still_allocate)
{
    // Ours is a key's destructor; that of a key made later runs after it. State made then is given back in another
    // round.
    smart_alloc alloc;
    std::atomic<int> served{0};
    late_user user;
    static_cast<void>(alloc.pool_alloc(small));  // our key exists from here on
    BOOST_REQUIRE(::pthread_key_create(&later_key, &use_later) == 0);
    for (int round = 0; round < 3; ++round) {
        on_a_thread([&] {
            static_cast<void>(alloc.pool_alloc(small));
            user.served = &served;
            user.alloc = &alloc;
            ::pthread_setspecific(later_key, &user);
        });
    }
    ::pthread_key_delete(later_key);
    user.alloc = nullptr;
    BOOST_TEST(served == 3);
    BOOST_TEST(alloc.stats().threads == 1u);  // this one
    BOOST_TEST(alloc.stats().pool_blocks_live == 4u);
    BOOST_TEST(bool(alloc.verify()));
}

BOOST_AUTO_TEST_CASE(an_object_in_a_frame_may_use_the_allocator_when_its_thread_ends)
{
    smart_alloc alloc;
    std::atomic<int> served{0};
    struct frees_others {
        smart_alloc* alloc;
        void* block;
        std::atomic<int>* served;
        ~frees_others() {
            alloc->pool_free(block, small);
            void* const p = alloc->try_pool_alloc(small);
            *served += p != nullptr && alloc->try_frame_alloc(small) != nullptr;
            alloc->pool_free(p, small);
        }
    };
    on_a_thread([&] {
        alloc.begin_frame();
        alloc.frame_new<frees_others>(&alloc, alloc.pool_alloc(small), &served);
    });
    BOOST_TEST(served == 1);
    BOOST_TEST(alloc.stats().pool_blocks_live == 0u);
}

BOOST_AUTO_TEST_SUITE_END()
