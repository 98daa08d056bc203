// SPDX-License-Identifier: MIT OR Apache-2.0

// 10,000 short threads, four at a time. Each takes 16 blocks of 16 to 1,024 bytes, frees those that it keeps for itself,
// leaves one in four at a place where others find them, frees what it finds there, and has a frame of 16 requests of the same
// sizes (general allocators free each of them). An item is one thread, and most of its time is the system's own work for a
// thread, which `limit` shows: threads that take nothing. In a process of its own; resident_growth_bytes is what the 9,000
// threads after the first 1,000 added.

#include "support/alone.hpp"
#include "support/resident.hpp"
#include "support/shared_blocks.hpp"
#include "support/smoke.hpp"
#include "support/thread_random.hpp"

#include <array>
#include <atomic>
#include <chrono>
#include <cstring>
#include <memory>
#include <thread>
#include <vector>

namespace {

constexpr std::size_t at_a_time = 4;
constexpr std::size_t requests = 16;

/// How a block begins, so that whoever finds it can free it.
struct head {
    std::size_t bytes;
};
using left_for_others = std::array<std::atomic<head*>, 64>;

template <class Source>
head* take(Source& from, thread_random& random) {
    std::size_t const bytes = random.between(16, 1024);
    void* const p = from.take(bytes);
    std::memset(p, 1, bytes);
    return ::new (p) head{bytes};
}
template <class Source>
void give(Source& from, head* block) {
    if (block != nullptr) from.give(block, block->bytes);
}

template <class Blocks>
void a_frame(Blocks& blocks, thread_random& random) {
    if constexpr (requires { blocks.alloc; }) {
        blocks.alloc.begin_frame();
        for (std::size_t i = 0; i < requests; ++i) {
            std::size_t const bytes = random.between(16, 1024);
            std::memset(blocks.alloc.frame_alloc(framealloc::layout{.bytes = bytes, .align = 16}), 1, bytes);
        }
        blocks.alloc.end_frame();
    } else {
        auto from = blocks.source();
        head* taken[requests];
        for (head*& p : taken) p = take(from, random);
        for (head* const p : taken) give(from, p);
    }
}

template <class Blocks>
void short_life(Blocks& blocks, thread_random random, left_for_others& places) {
    auto from = blocks.source();
    head* taken[requests];
    for (head*& p : taken) p = take(from, random);
    for (std::size_t i = 0; i < requests; ++i) {
        give(from, i % 4 != 0 ? taken[i] : places[random.below(places.size())].exchange(taken[i]));
    }
    a_frame(blocks, random);
}

/// Runs threads `first` to `last - 1`. The seconds from the first one's birth to the last one's end.
template <class Life>
double run(std::size_t first, std::size_t last, Life life) {
    auto const begin = std::chrono::steady_clock::now();
    std::array<std::thread, at_a_time> running;
    for (std::size_t i = first; i < last; ++i) {
        std::thread& next = running[i % at_a_time];
        if (next.joinable()) next.join();
        next = std::thread{[=] { life(i); }};
    }
    for (std::thread& t : running) {
        if (t.joinable()) t.join();
    }
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

template <class Life>
alone::figures storm_of(Life life) {
    std::size_t const warming = work(1'000, 100), all = work(10'000, 500);
    run(0, warming, life);
    std::size_t const before = resident_bytes();
    alone::figures found;
    found.seconds = run(warming, all, life);
    found.items = static_cast<double>(all - warming);
    std::size_t const after = resident_bytes();
    found.counters.emplace_back("resident_growth_bytes", after > before ? static_cast<double>(after - before) : 0.0);
    return found;
}
template <class Blocks>
alone::figures storm() {
    auto const blocks = std::make_unique<Blocks>();
    auto const places = std::make_unique<left_for_others>();
    alone::figures const found = storm_of(
        [&blocks = *blocks, &places = *places](std::size_t i) { short_life(blocks, thread_random{i}, places); });
    auto from = blocks->source();
    for (std::atomic<head*>& place : *places) give(from, place.load());
    return found;
}

bool add_all() {
    alone::add("thread_storm", "limit", [] { return storm_of([](std::size_t) {}); });
    alone::add("thread_storm", "framealloc", storm<shared_blocks::object>);
    alone::add("thread_storm", "framealloc_fine", storm<shared_blocks::fine>);
    alone::add_mallocs("thread_storm", []<class Malloc>() { return storm<shared_blocks::through_malloc<Malloc>>(); });
    return true;
}
[[maybe_unused]] bool const added = add_all();

}  // namespace
