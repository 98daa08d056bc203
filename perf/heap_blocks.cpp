// SPDX-License-Identifier: MIT OR Apache-2.0

// Two blocks of 1 MiB, taken and freed once per frame, as for a read-back buffer. An item is one block.
// `heap_blocks_untouched` writes nothing; `heap_blocks_touched` writes one byte into each page: who gives such blocks back
// to the system at every free pays for the pages again.

#include "support/compare.hpp"
#include "support/distribution.hpp"

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

template <bool Touched>
void add(char const* workload) {
    compare::add(workload, "framealloc", two_per_frame<ours, Touched>);
    compare::add_mallocs(workload,
                         []<class Malloc>(benchmark::State& state) { two_per_frame<theirs<Malloc>, Touched>(state); });
}

[[maybe_unused]] bool const registered = [] {
    add<false>("heap_blocks_untouched");
    add<true>("heap_blocks_touched");
    return true;
}();

}  // namespace
