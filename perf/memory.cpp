// SPDX-License-Identifier: MIT OR Apache-2.0

// How much memory stays resident, in a process of its own for each contender, counted from before its first request. What
// the workload itself needs is there before that. Every byte of every block is written.
//
//   memory_random_lifetimes   1,000,000 requests of 16 to 1,024 bytes, each into one of 10,000 places at random, freeing what
//                             stood there. resident_over_live: bytes resident to bytes asked for and alive, at the end;
//                             after_free_ratio: the same after nine in ten of the blocks, at random, are freed and the
//                             allocator is asked to give back what it can; kept_bytes: what is left when all is freed, and
//                             it is asked again.
//   memory_stream             2,000,000 blocks of 64 bytes from one thread to another over a ring of 4,096.
//                             peak_resident_bytes: the most by which residence grew, looked at every 65,536 blocks.
//   thread_attach_memory      64 threads at once. resident_growth_bytes: per thread, for one that attaches, takes a block of 64
//                             bytes and frees it; attach_only_bytes: for one that only attaches.
//
// General allocators know no attaching: their threads come with the first block. Live sets much larger than this one's 5 MB
// bring all figures of resident_over_live down to the rounding of sizes, because what an allocator keeps in stock hardly grows
// with them.

#include "support/alone.hpp"
#include "support/resident.hpp"
#include "support/ring.hpp"
#include "support/shared_blocks.hpp"
#include "support/smoke.hpp"
#include "support/thread_random.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstring>
#include <memory>
#include <thread>
#include <vector>

namespace {

double seconds_since(std::chrono::steady_clock::time_point begin) {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}
/// By how much residence has grown. What was resident before may have gone: then it has not.
double grown_since(std::size_t before) {
    std::size_t const now = resident_bytes();
    return now > before ? static_cast<double>(now - before) : 0.0;
}

struct place {
    unsigned char* block;
    std::size_t bytes;
};

template <class Blocks>
alone::figures random_lifetimes() {
    std::size_t const requests = work(1'000'000, 20'000);
    std::vector<place> places(work(10'000, 2'000), place{});
    auto const blocks = std::make_unique<Blocks>();
    thread_random random{0};
    alone::figures found;
    std::size_t live_bytes = 0;

    std::size_t const before = resident_bytes();
    auto const begin = std::chrono::steady_clock::now();
    auto from = blocks->source();
    for (std::size_t i = 0; i < requests; ++i) {
        place& p = places[random.below(places.size())];
        if (p.block != nullptr) from.give(p.block, p.bytes);
        live_bytes -= p.bytes;
        p.bytes = random.between(16, 1024);
        live_bytes += p.bytes;
        p.block = static_cast<unsigned char*>(from.take(p.bytes));
        std::memset(p.block, 1, p.bytes);
    }
    found.seconds = seconds_since(begin);
    found.items = static_cast<double>(requests);
    found.counters.emplace_back("resident_over_live", grown_since(before) / static_cast<double>(live_bytes));

    for (place& p : places) {
        if (p.block == nullptr || random.one_in(10)) continue;
        from.give(p.block, p.bytes);
        live_bytes -= p.bytes;
        p = {};
    }
    blocks->trim();
    found.counters.emplace_back("after_free_ratio", grown_since(before) / static_cast<double>(live_bytes));

    for (place const& p : places) {
        if (p.block != nullptr) from.give(p.block, p.bytes);
    }
    blocks->trim();
    found.counters.emplace_back("kept_bytes", grown_since(before));
    return found;
}

template <class Blocks>
alone::figures stream() {
    std::size_t const count = work(2'000'000, 100'000);
    constexpr std::size_t looked_at_every = 65'536;
    auto const blocks = std::make_unique<Blocks>();
    auto const between = std::make_unique<ring>();
    std::atomic<bool> ready{false};
    std::thread consumer{[&] {
        ready = true;
        void* p = between->take();
        auto from = blocks->source();
        for (; p != nullptr; p = between->take()) from.template give<64>(p);
    }};
    while (!ready) std::this_thread::yield();

    alone::figures found;
    double peak = 0;
    std::size_t const before = resident_bytes();
    auto from = blocks->source();
    for (std::size_t i = 1; i <= count; ++i) {
        void* const p = from.template take<64>();
        std::memset(p, 1, 64);
        between->put(p);
        if (i % looked_at_every == 0 || i == count) peak = std::max(peak, grown_since(before));
    }
    between->put(nullptr);
    consumer.join();
    found.counters.emplace_back("peak_resident_bytes", peak);
    return found;
}

/// Touches what the thread's stack will need, so that the growth is the allocator's.
[[gnu::noinline]] void touch_stack() {
    unsigned char room[std::size_t{32} << 10];
    std::memset(room, 1, sizeof room);
    benchmark::DoNotOptimize(&room);
}

/// Threads that take their steps together: all do `step(n)` for n = 0, 1, ... and wait. Answers by how much residence had grown
/// after each step, per thread.
template <class Step>
std::vector<double> growth_by_step(std::size_t steps, Step step) {
    constexpr std::size_t count = 64;
    std::atomic<std::size_t> allowed{0}, done{0};
    std::vector<std::thread> threads;
    for (std::size_t i = 0; i < count; ++i) {
        threads.emplace_back([&] {
            touch_stack();
            for (std::size_t n = 0; n <= steps; ++n) {
                while (allowed.load() < n) std::this_thread::yield();
                if (n > 0) step(n - 1);
                done.fetch_add(1);
            }
            while (allowed.load() <= steps) std::this_thread::yield();  // nobody ends before all are looked at
        });
    }
    std::vector<double> grown;
    auto const wait_for = [&](std::size_t n) {
        while (done.load() < count * n) std::this_thread::yield();
    };
    wait_for(1);
    std::size_t const before = resident_bytes();
    for (std::size_t n = 1; n <= steps; ++n) {
        allowed = n;
        wait_for(n + 1);
        grown.push_back(grown_since(before) / static_cast<double>(count));
    }
    allowed = steps + 1;
    for (std::thread& t : threads) t.join();
    return grown;
}
template <class Blocks>
void take_and_give(Blocks& blocks) {
    auto from = blocks.source();
    void* const p = from.template take<64>();
    std::memset(p, 1, 64);
    from.template give<64>(p);
}

template <class Blocks>
alone::figures attach() {
    auto const blocks = std::make_unique<Blocks>();
    take_and_give(*blocks);  // what the instance needs for itself
    auto const grown = growth_by_step(2, [&](std::size_t n) {
        if (n == 0) {
            blocks->alloc.attach_thread();
        } else {
            take_and_give(*blocks);
        }
    });
    return {.counters = {{"attach_only_bytes", grown[0]}, {"resident_growth_bytes", grown[1]}}};
}
template <class Blocks>
alone::figures first_block() {
    auto const blocks = std::make_unique<Blocks>();
    take_and_give(*blocks);
    auto const grown = growth_by_step(1, [&](std::size_t) { take_and_give(*blocks); });
    return {.counters = {{"resident_growth_bytes", grown[0]}}};
}

bool add_all() {
    using shared_blocks::fine, shared_blocks::object, shared_blocks::through_malloc;
    alone::add("memory_random_lifetimes", "framealloc", random_lifetimes<object>);
    alone::add("memory_random_lifetimes", "framealloc_fine", random_lifetimes<fine>);
    alone::add_mallocs("memory_random_lifetimes",
                       []<class Malloc>() { return random_lifetimes<through_malloc<Malloc>>(); });
    alone::add("memory_stream", "framealloc", stream<object>);
    alone::add("memory_stream", "framealloc_fine", stream<fine>);
    alone::add_mallocs("memory_stream", []<class Malloc>() { return stream<through_malloc<Malloc>>(); });
    alone::add("thread_attach_memory", "framealloc", attach<object>);
    alone::add("thread_attach_memory", "framealloc_fine", attach<fine>);
    alone::add_mallocs("thread_attach_memory", []<class Malloc>() { return first_block<through_malloc<Malloc>>(); });
    return true;
}
[[maybe_unused]] bool const added = add_all();

}  // namespace
