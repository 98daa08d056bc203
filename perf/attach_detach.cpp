// SPDX-License-Identifier: MIT OR Apache-2.0

// Threads that are born, allocate a little and die. An item is one thread; most of its time is the system's own work for
// a thread, which `nothing` shows. The state of the thread before is adopted each time: no memory is taken.

#include "support/general.hpp"

#include <framealloc/smart_alloc.hpp>

#include <thread>

namespace {

template <class Body>
void threads(benchmark::State& state, Body body) {
    for (auto _ : state) std::thread{body}.join();
    state.SetItemsProcessed(state.iterations());
}

void nothing(benchmark::State& state) {
    threads(state, [] {});
}

void attach(benchmark::State& state) {
    framealloc::smart_alloc alloc;
    threads(state, [&] { benchmark::DoNotOptimize(alloc.attach_thread()); });
}

void attach_and_allocate(benchmark::State& state) {
    framealloc::smart_alloc alloc;
    constexpr framealloc::layout block{.bytes = 64, .align = 16};
    threads(state, [&] {
        alloc.begin_frame();
        benchmark::DoNotOptimize(alloc.frame_alloc(block));
        void* const p = alloc.pool_alloc(block);
        benchmark::DoNotOptimize(p);
        alloc.pool_free(p, block);
        alloc.end_frame();
    });
}

template <class Malloc>
void allocate_of(benchmark::State& state) {
    if (!Malloc::is_here(state)) return;
    threads(state, [] {
        void* const p = Malloc::allocate(64);
        void* const q = Malloc::allocate(64);
        benchmark::DoNotOptimize(p), benchmark::DoNotOptimize(q);
        Malloc::free(q);
        Malloc::free(p);
    });
}

BENCHMARK(nothing)->UseRealTime();
BENCHMARK(attach)->UseRealTime();
BENCHMARK(attach_and_allocate)->UseRealTime();
BENCHMARK_TEMPLATE(allocate_of, general::mimalloc)->UseRealTime();
BENCHMARK_TEMPLATE(allocate_of, general::glibc)->UseRealTime();

}  // namespace
