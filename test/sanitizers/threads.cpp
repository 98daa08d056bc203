// SPDX-License-Identifier: MIT OR Apache-2.0
#include "cases.hpp"

#include <framealloc/sync/owner_queue.hpp>

#include <atomic>
#include <cstdlib>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

namespace framealloc::sanitizer_cases {
namespace {

template <class Alloc>
constexpr bool has_threads = !Alloc::assembly_type::sync::one_thread;

template <class F>
void in_another_thread(F&& f)
{
    std::thread{f}.join();
}

// --- wrong --------------------------------------------------------------------------------------------------------------

template <class Alloc>
[[gnu::noinline]] void use_after_another_thread_has_freed_it()
{
    Alloc alloc;
    int* const p = alloc.template pool_new<int>(7);
    in_another_thread([&] { alloc.pool_delete(p); });
    read(p);  //! asan: use-after-poison | valgrind: Invalid read of size 4
}

template <class Alloc>
[[gnu::noinline]] void stale_pointer_into_a_chunk_of_another_threads_frame()
{
    Alloc alloc;
    alloc.begin_frame();
    static_cast<void>(alloc.frame_alloc(layout{.bytes = 60'000}));
    char* const p = static_cast<char*>(alloc.frame_alloc(layout{.bytes = 60'000}));  // in the second chunk
    alloc.end_frame();
    in_another_thread([&] {
        alloc.begin_frame();
        static_cast<void>(alloc.frame_alloc(layout{.bytes = 60'000}));
        char* const q = static_cast<char*>(alloc.frame_alloc(layout{.bytes = 10'000}));
        if (p != q) std::abort();
        write(p + 9999, 'x');
        write(p + 10'000, 'x');  //! asan: use-after-poison | valgrind: Invalid write of size 1
        alloc.end_frame();
    });
}

template <class Alloc>
[[gnu::noinline]] void read_after_the_frame_of_all_threads()
{
    Alloc alloc;
    int* p = nullptr;
    alloc.begin_frame_all();
    in_another_thread([&] { p = alloc.template frame_new<int>(7); });
    read(p);
    alloc.end_frame_all();
    read(p);  //! asan: use-after-poison | valgrind: Invalid read of size 4
}

template <class Alloc>
[[gnu::noinline]] void block_handed_over_without_an_order()
{
    Alloc alloc;
    std::atomic<int*> handed{nullptr};
    std::thread other{[&] {
        int* p = nullptr;
        while ((p = handed.load(std::memory_order_relaxed)) == nullptr) std::this_thread::yield();
        write(p, 8);  //! asan: silent | valgrind: silent | tsan: data race
        alloc.pool_delete(p);
    }};
    int* const p = alloc.template pool_new<int>(7);
    write(p, 9);
    handed.store(p, std::memory_order_relaxed);
    other.join();
}

// --- right --------------------------------------------------------------------------------------------------------------

template <class Alloc>
[[gnu::noinline]] void block_handed_over_in_order()
{
    Alloc alloc;
    std::atomic<int*> handed{nullptr};
    std::thread other{[&] {
        for (int i = 0; i < 2000; ++i) {
            int* p = nullptr;
            while ((p = handed.exchange(nullptr, std::memory_order_acquire)) == nullptr) std::this_thread::yield();
            write(p, read(p) + 1);
            alloc.pool_delete(p);
        }
    }};
    for (int i = 0; i < 2000; ++i) {
        int* const p = alloc.template pool_new<int>(i);
        int* expected = nullptr;
        while (!handed.compare_exchange_weak(expected, p, std::memory_order_release, std::memory_order_relaxed)) {
            expected = nullptr;
            std::this_thread::yield();
        }
    }
    other.join();
}

template <class Alloc>
void exchange_blocks(Alloc& alloc)
{
    constexpr int rounds = 8, at_once = 600;
    std::vector<std::atomic<std::string*>> places(at_once);
    std::vector<std::thread> threads;
    for (int t = 0; t < 3; ++t) {
        threads.emplace_back([&alloc, &places] {
            for (int round = 0; round < rounds; ++round) {
                alloc.begin_frame();
                for (auto& place : places) {
                    auto* const mine = alloc.template pool_new<std::string>("long enough for a block of its own");
                    if (auto* const old = place.exchange(mine, std::memory_order_acq_rel)) alloc.pool_delete(old);
                    std::memset(alloc.frame_alloc(layout{.bytes = 333}), 1, 333);
                    void* const large = alloc.heap_alloc(layout{.bytes = 5000});
                    std::memset(large, 1, 5000);
                    alloc.heap_free(large);
                }
                alloc.end_frame();
                if (round == 4) alloc.trim();
            }
        });
    }
    for (auto& t : threads) t.join();
    for (auto& place : places) alloc.pool_delete(place.load(std::memory_order_relaxed));
    alloc.trim();
}

template <class Alloc>
[[gnu::noinline]] void threads_that_exchange_blocks_and_end()
{
    Alloc alloc;
    exchange_blocks(alloc);
    exchange_blocks(alloc);
    basic_smart_alloc<sync::owner_queue> by_owner;
    exchange_blocks(by_owner);
}

template <class Alloc>
[[gnu::noinline]] void frames_of_all_threads()
{
    Alloc alloc;
    for (int frame = 0; frame < 4; ++frame) {
        alloc.begin_frame_all();
        std::vector<std::thread> threads;
        for (int t = 0; t < 3; ++t) {
            threads.emplace_back([&alloc] {
                for (int i = 0; i < 100; ++i) {
                    alloc.template frame_new<std::string>("a text that is long enough for a block of its own");
                    std::memset(alloc.frame_alloc(layout{.bytes = 3000}), 1, 3000);
                }
            });
        }
        for (auto& t : threads) t.join();
        alloc.end_frame_all();
    }
}

template <class Alloc>
constexpr named_case all_thread_cases[] = {
    FRAMEALLOC_CASE(use_after_another_thread_has_freed_it),
    FRAMEALLOC_CASE(stale_pointer_into_a_chunk_of_another_threads_frame),
    FRAMEALLOC_CASE(read_after_the_frame_of_all_threads),
    FRAMEALLOC_CASE(block_handed_over_without_an_order),
    FRAMEALLOC_CASE(block_handed_over_in_order),
    FRAMEALLOC_CASE(threads_that_exchange_blocks_and_end),
    FRAMEALLOC_CASE(frames_of_all_threads),
};

}  // namespace

template <class Alloc>
std::span<named_case const> thread_cases()
{
    if constexpr (has_threads<Alloc>) {
        return all_thread_cases<Alloc>;
    } else {
        return {};
    }
}
FRAMEALLOC_FOR_ALL_ASSEMBLIES(thread_cases);

}  // namespace framealloc::sanitizer_cases
