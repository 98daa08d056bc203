// SPDX-License-Identifier: MIT OR Apache-2.0

// Two blocks of 1 MiB, taken and freed once per frame, as for a read-back buffer. An item is one block. `touched` writes
// one byte into each page: who gives such blocks back to the system at every free pays for the pages again.

#include "support/distribution.hpp"
#include "support/general.hpp"

#include <framealloc/smart_alloc.hpp>

namespace {

constexpr std::size_t mebibyte = std::size_t{1} << 20;

struct ours {
    framealloc::smart_alloc alloc;
    static constexpr framealloc::layout block{.bytes = mebibyte, .align = 16};
    void* take() { return alloc.heap_alloc(block); }
    void give(void* p) { alloc.heap_free(p, block); }
};
template <class Malloc>
struct theirs {
    void* take() { return Malloc::allocate(mebibyte); }
    void give(void* p) { Malloc::free(p); }
};

template <class Heap, bool Touched>
void two_per_frame(benchmark::State& state) {
    Heap heap;
    distribution times;
    times.begin();
    for (auto _ : state) {
        void* const blocks[] = {heap.take(), heap.take()};
        if constexpr (Touched) {
            for (void* const p : blocks) {
                for (std::size_t at = 0; at < mebibyte; at += 4096) static_cast<volatile char*>(p)[at] = 1;
            }
        }
        benchmark::DoNotOptimize(blocks[0]), benchmark::DoNotOptimize(blocks[1]);
        for (void* const p : blocks) heap.give(p);
        times.turn();
    }
    times.report(state);
    state.SetItemsProcessed(state.iterations() * 2);
}
template <class Malloc, bool Touched>
void two_per_frame_of(benchmark::State& state) {
    if (Malloc::is_here(state)) two_per_frame<theirs<Malloc>, Touched>(state);
}

constexpr bool untouched = false;
constexpr bool touched = true;

BENCHMARK_TEMPLATE(two_per_frame, ours, untouched);
BENCHMARK_TEMPLATE(two_per_frame_of, general::mimalloc, untouched);
BENCHMARK_TEMPLATE(two_per_frame_of, general::glibc, untouched);
BENCHMARK_TEMPLATE(two_per_frame, ours, touched);
BENCHMARK_TEMPLATE(two_per_frame_of, general::mimalloc, touched);
BENCHMARK_TEMPLATE(two_per_frame_of, general::glibc, touched);

}  // namespace
