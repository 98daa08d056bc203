// SPDX-License-Identifier: MIT OR Apache-2.0

// The same work on more and more threads, each with its own frame and pools. An item is one request, or one pair; the rate
// is of all threads together, by the clock. What scales grows with the threads up to the number of cores, and stays there.

#include "support/general.hpp"

#include <framealloc/smart_alloc.hpp>

#include <vector>

namespace {

constexpr std::size_t requests = 1000;
constexpr framealloc::layout block{.bytes = 64, .align = 16};

[[gnu::always_inline]] inline void use(void* p) { asm volatile("" : : "r"(p) : "memory"); }

/// One instance for all threads of all runs: what they share, they share.
framealloc::smart_alloc shared;

void frames_on_threads(benchmark::State& state) {
    for (auto _ : state) {
        shared.begin_frame();
        for (std::size_t i = 0; i < requests; ++i) use(shared.frame_alloc(block));
        shared.end_frame();
    }
    state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(requests));
}

/// 100 blocks alive stay within a thread's magazines, and nothing is shared; with 1,000, batches go to and from the depot.
template <class Take, class Give>
void pairs_on_this_thread(benchmark::State& state, Take take, Give give) {
    std::vector<void*> blocks(static_cast<std::size_t>(state.range(0)));
    for (auto _ : state) {
        for (void*& p : blocks) use(p = take());
        for (void* const p : blocks) give(p);
    }
    state.SetItemsProcessed(state.iterations() * state.range(0));
}
void pools_on_threads(benchmark::State& state) {
    pairs_on_this_thread(state, [] { return shared.pool_alloc(block); }, [](void* p) { shared.pool_free(p, block); });
}
template <class Malloc>
void pools_on_threads_of(benchmark::State& state) {
    if (!Malloc::is_here(state)) return;
    pairs_on_this_thread(state, [] { return Malloc::allocate(block.bytes); }, [](void* p) { Malloc::free(p); });
}

BENCHMARK(frames_on_threads)->ThreadRange(1, 16)->UseRealTime();
BENCHMARK(pools_on_threads)->Arg(100)->Arg(1000)->ThreadRange(1, 16)->UseRealTime();
BENCHMARK_TEMPLATE(pools_on_threads_of, general::mimalloc)->Arg(100)->Arg(1000)->ThreadRange(1, 16)->UseRealTime();
BENCHMARK_TEMPLATE(pools_on_threads_of, general::glibc)->Arg(100)->Arg(1000)->ThreadRange(1, 16)->UseRealTime();

}  // namespace
