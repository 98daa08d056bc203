// SPDX-License-Identifier: MIT OR Apache-2.0
#include "support/test.hpp"

#include "support/faults.hpp"
#include "support/process.hpp"

#include <framealloc/backend/counting.hpp>
#include <framealloc/sync/mutex.hpp>

#include <atomic>
#include <barrier>
#include <cstring>
#include <latch>
#include <mutex>
#include <tuple>

// One frame for every thread: begin_frame_all and end_frame_all.

using namespace framealloc;
using namespace framealloc::test;

namespace {

template <class Sync>
using alloc_with = basic_smart_alloc<Sync, backend::counting<detail::default_policies::backend>>;
using with_threads = std::tuple<sync::mutex<std::mutex>, sync::lock_free>;
using every_sync = std::tuple<sync::single_threaded, sync::mutex<std::mutex>, sync::lock_free>;

constexpr layout small{.bytes = 48, .align = 16};

struct notes_thread {
    std::thread::id* ended_on;
    ~notes_thread() { *ended_on = std::this_thread::get_id(); }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(shared_frames)

BOOST_AUTO_TEST_CASE_TEMPLATE(beginning_twice_or_ending_without_beginning_is_reported, Sync, every_sync)
{
    fault_recorder faults;
    alloc_with<Sync> alloc;
    alloc.end_frame_all();
    BOOST_TEST(faults.last() == fault_code::frame_not_begun);
    alloc.begin_frame_all();
    alloc.begin_frame_all();
    BOOST_TEST(faults.last() == fault_code::frame_already_open);
    static_cast<void>(alloc.frame_alloc(small));
    alloc.end_frame();  // not the one that this thread may end
    BOOST_TEST(faults.last() == fault_code::frame_not_begun);
    BOOST_TEST(alloc.stats().frame_bytes_used == 48u);
    alloc.begin_frame();  // nor may it open its own inside
    BOOST_TEST(faults.last() == fault_code::frame_already_open);
    alloc.end_frame_all();
    BOOST_TEST(faults.count() == 4u);
    BOOST_TEST(alloc.stats().frame_bytes_used == 0u);
    alloc.begin_frame();
    alloc.end_frame();
    BOOST_TEST(faults.count() == 4u);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(eight_workers_with_a_mebibyte_each_stay_flat_for_a_thousand_frames, Sync, with_threads)
{
    alloc_with<Sync> alloc;
    constexpr std::size_t workers = 8, frames = repetitions(1000, 100);
    std::barrier sync_point{workers + 1};
    std::atomic<std::size_t> wrong{0};
    std::vector<std::thread> threads;
    for (std::size_t w = 0; w < workers; ++w) {
        threads.emplace_back([&, w] {
            for (std::size_t f = 0; f < frames; ++f) {
                sync_point.arrive_and_wait();
                // A mebibyte in sixteen parts, of which one byte in each page is touched.
                unsigned char* parts[16];
                for (unsigned char*& part : parts) {
                    part = static_cast<unsigned char*>(alloc.try_frame_alloc(layout{.bytes = 64_KiB, .align = 16}));
                    if (part == nullptr) {
                        ++wrong;
                        part = nullptr;
                        continue;
                    }
                    for (std::size_t i = 0; i < 64_KiB; i += 4096) part[i] = static_cast<unsigned char>(w);
                }
                for (unsigned char const* part : parts) wrong += part == nullptr || part[0] != w || part[60_KiB] != w;
                sync_point.arrive_and_wait();
            }
        });
    }
    std::size_t flat_bytes = 0, flat_calls = 0;
    for (std::size_t f = 0; f < frames; ++f) {
        alloc.begin_frame_all();
        sync_point.arrive_and_wait();
        sync_point.arrive_and_wait();
        alloc.end_frame_all();
        auto const stats = alloc.stats();
        wrong += stats.frame_bytes_used != 0;
        // Chunks go from thread to thread, so the second frame may still find the pool short of a size; not the tenth.
        if (f == 10) {
            flat_bytes = stats.backend_bytes;
            flat_calls = alloc.backend().counts().calls();
        }
        if (f > 10) wrong += stats.backend_bytes != flat_bytes;
    }
    for (std::thread& t : threads) t.join();
    BOOST_TEST(wrong == 0u);
    BOOST_TEST(alloc.backend().counts().calls() == flat_calls);
    BOOST_TEST(alloc.stats().frames_begun == workers * frames);
    BOOST_TEST(alloc.stats().frame_bytes_total == workers * frames * 1_MiB);
    // 64 KiB do not fit into the first chunk beside its head, so the sum of the growing ones is twice the need at most.
    BOOST_TEST(flat_bytes < workers * 3_MiB);
    BOOST_TEST(bool(alloc.verify()));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(threads_join_at_their_first_request_known_before_or_not, Sync, with_threads)
{
    alloc_with<Sync> alloc;
    std::latch known{1}, begun{1}, joined{2};
    std::atomic<int> wrong{0};
    std::thread before{[&] {
        static_cast<void>(alloc.attach_thread());
        known.count_down();
        begun.wait();
        wrong += alloc.try_frame_alloc(small) == nullptr;
        joined.count_down();
    }};
    known.wait();
    alloc.begin_frame_all();
    std::thread after{[&] {
        begun.wait();
        auto scope = alloc.frame_scope();  // joins as well
        wrong += scope.try_frame_alloc(small) == nullptr;
        joined.count_down();
    }};
    BOOST_TEST(alloc.stats().frames_begun == 0u);
    begun.count_down();
    joined.wait();
    before.join();
    after.join();
    BOOST_TEST(alloc.stats().frames_begun == 2u);
    alloc.end_frame_all();
    BOOST_TEST(wrong == 0);
    BOOST_TEST(alloc.stats().frame_bytes_used == 0u);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_thread_with_a_frame_of_its_own_is_left_alone, Sync, with_threads)
{
    alloc_with<Sync> alloc;
    std::barrier step{2};
    std::atomic<int> wrong{0};
    std::thread own{[&] {
        alloc.begin_frame();
        int* const mine = alloc.template frame_new<int>(7);
        step.arrive_and_wait();
        step.arrive_and_wait();  // the frame of all has come and gone
        wrong += *mine != 7 || !alloc.frame_is_open() || alloc.try_frame_alloc(small) == nullptr;
        alloc.end_frame();
        step.arrive_and_wait();  // the next frame of all is open
        wrong += alloc.try_frame_alloc(small) == nullptr;
        step.arrive_and_wait();
    }};
    step.arrive_and_wait();
    alloc.begin_frame_all();
    static_cast<void>(alloc.frame_alloc(small));
    alloc.end_frame_all();
    BOOST_TEST(alloc.stats().frame_bytes_used == 16u);
    step.arrive_and_wait();
    alloc.begin_frame_all();
    step.arrive_and_wait();
    step.arrive_and_wait();
    own.join();
    BOOST_TEST(alloc.stats().frame_bytes_used == 48u);
    alloc.end_frame_all();
    BOOST_TEST(alloc.stats().frame_bytes_used == 0u);
    BOOST_TEST(wrong == 0);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(memory_of_a_joined_thread_that_ended_lasts_until_the_frame_does, Sync, with_threads)
{
    alloc_with<Sync> alloc;
    std::thread::id ended_on[3];
    unsigned char* memory[3];
    alloc.begin_frame_all();
    for (std::size_t i = 0; i < 3; ++i) {
        on_a_thread([&] {
            alloc.template frame_new<notes_thread>(&ended_on[i]);
            memory[i] = static_cast<unsigned char*>(alloc.frame_alloc(layout{.bytes = 100000, .align = 16}));
            std::memset(memory[i], int(i + 1), 100000);
        });
    }
    for (std::size_t i = 0; i < 3; ++i) {
        BOOST_TEST((ended_on[i] == std::thread::id{}));
        BOOST_TEST(memory[i][0] == i + 1);
        BOOST_TEST(memory[i][99999] == i + 1);
    }
    BOOST_TEST(alloc.stats().threads == 0u);
    BOOST_TEST(alloc.stats().frame_bytes_used >= 300000u);
    on_a_thread([&] { alloc.end_frame_all(); });  // any thread may be the one that ends it
    for (std::thread::id const id : ended_on) {
        BOOST_TEST((id != std::thread::id{}));
        BOOST_TEST((id == ended_on[0]));
        BOOST_TEST((id != std::this_thread::get_id()));
    }
    BOOST_TEST(alloc.stats().frame_bytes_used == 0u);

    // The records are free for new threads now: three more take no memory.
    std::size_t const taken = alloc.stats().backend_bytes;
    for (int i = 0; i < 3; ++i) {
        on_a_thread([&] {
            alloc.begin_frame();
            static_cast<void>(alloc.frame_alloc(layout{.bytes = 100000, .align = 16}));
            alloc.end_frame();
        });
    }
    BOOST_TEST(alloc.stats().backend_bytes == taken);
    BOOST_TEST(bool(alloc.verify()));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(an_instance_that_ends_inside_the_frame_of_all_destroys_its_objects, Sync, every_sync)
{
    std::thread::id ended_on[2];
    {
        alloc_with<Sync> alloc;
        alloc.begin_frame_all();
        alloc.template frame_new<notes_thread>(&ended_on[0]);
        if constexpr (!Sync::one_thread) {
            on_a_thread([&] { alloc.template frame_new<notes_thread>(&ended_on[1]); });
        } else {
            alloc.template frame_new<notes_thread>(&ended_on[1]);
        }
    }
    BOOST_TEST((ended_on[0] == std::this_thread::get_id()));
    BOOST_TEST((ended_on[1] == std::this_thread::get_id()));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(scopes_and_checkpoints_work_inside_the_frame_of_all, Sync, every_sync)
{
    alloc_with<Sync> alloc;
    for (int round = 0; round < 3; ++round) {
        alloc.begin_frame_all();
        {
            auto outer = alloc.frame_scope();
            static_cast<void>(outer.frame_alloc(small));
            {
                auto inner = alloc.frame_scope();
                static_cast<void>(inner.frame_alloc(layout{.bytes = 3_MiB, .align = 16}));
            }
            BOOST_TEST(alloc.stats().frame_bytes_used == 48u);
        }
        BOOST_TEST(alloc.stats().frame_bytes_used == 0u);
        BOOST_TEST(alloc.frame_is_open());  // a scope ends what it opened, and that was not the frame
        alloc.end_frame_all();
        BOOST_TEST(!alloc.frame_is_open());
    }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(threads_may_be_born_and_end_while_frames_of_all_follow_each_other, Sync, with_threads)
{
    alloc_with<Sync> alloc;
    std::atomic<int> ended{0}, wrong{0};
    struct counts {
        std::atomic<int>* ended;
        ~counts() { ++*ended; }
    };
    constexpr unsigned frames = unsigned(repetitions(100, 30));
    for (unsigned f = 0; f < frames; ++f) {
        alloc.begin_frame_all();
        on_threads(4, [&](std::size_t i) {
            if (i == 3) {
                alloc.begin_frame();  // one of its own
                alloc.template frame_new<counts>(&ended);
                alloc.end_frame();
            } else {
                alloc.template frame_new<counts>(&ended);
                wrong += alloc.try_frame_alloc(layout{.bytes = 100000, .align = 16}) == nullptr;
            }
        });
        wrong += unsigned(ended) != 4 * f + 1;
        alloc.end_frame_all();
        wrong += unsigned(ended) != 4 * (f + 1);
    }
    BOOST_TEST(wrong == 0);
    BOOST_TEST(alloc.stats().frames_begun == 4u * frames);
    BOOST_TEST(bool(alloc.verify()));
}

BOOST_AUTO_TEST_SUITE_END()
