// SPDX-License-Identifier: MIT OR Apache-2.0

// The same work on 1, 2, 3 and 4 threads, each with its own frame and pools. An item is one request of 64 bytes, or one pair
// of request and free; the rate is of all threads together, by the clock. What scales grows with the threads up to the number
// of cores, and stays there. 100 blocks alive stay within a thread's magazines and nothing is shared; with 1,000, batches go
// to the depot and come from there.

#include "support/compare.hpp"

#include <framealloc/smart_alloc.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace {

constexpr std::size_t requests = 1000;
constexpr framealloc::layout block{.bytes = 64, .align = 16};

[[gnu::always_inline]] inline void use(void* p) { asm volatile("" : : "r"(p) : "memory"); }

/// One instance for all threads of all runs: what they share, they share.
framealloc::smart_alloc shared;

struct pools {
    static void* take() { return shared.pool_alloc(block); }
    static void give(void* p) { shared.pool_free(p, block); }
};
template <class Malloc>
struct general {
    static void* take() { return Malloc::allocate(block.bytes); }
    static void give(void* p) { Malloc::free(p); }
};

void frames(benchmark::State& state) {
    for (auto _ : state) {
        shared.begin_frame();
        for (std::size_t i = 0; i < requests; ++i) use(shared.frame_alloc(block));
        shared.end_frame();
    }
    state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(requests));
}
/// A frame of those who have none: each block is freed at its end.
template <class Blocks, std::size_t Alive>
void pairs(benchmark::State& state) {
    std::vector<void*> blocks(Alive);
    for (auto _ : state) {
        for (void*& p : blocks) use(p = Blocks::take());
        for (void* const p : blocks) Blocks::give(p);
    }
    state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(Alive));
}

template <std::size_t Alive>
void add_mallocs(std::string const& workload, int threads) {
    compare::add_mallocs(
        workload, []<class Malloc>(benchmark::State& state) { pairs<general<Malloc>, Alive>(state); },
        [=](benchmark::internal::Benchmark* b) { b->Threads(threads)->UseRealTime(); });
}
template <std::size_t Alive>
void add_pairs(int threads) {
    std::string const workload = "scale_pairs_" + std::to_string(Alive) + "_" + std::to_string(threads);
    compare::add(workload, "framealloc", pairs<pools, Alive>)->Threads(threads)->UseRealTime();
    add_mallocs<Alive>(workload, threads);
}
bool add_all() {
    for (int const threads : {1, 2, 3, 4}) {
        std::string const workload = "scale_frames_" + std::to_string(threads);
        compare::add(workload, "framealloc", frames)->Threads(threads)->UseRealTime();
        add_mallocs<requests>(workload, threads);
        add_pairs<100>(threads);
        add_pairs<1000>(threads);
    }
    return true;
}
[[maybe_unused]] bool const added = add_all();

}  // namespace
