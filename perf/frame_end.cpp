// SPDX-License-Identifier: MIT OR Apache-2.0

// The end of a frame, alone: of one that has stayed in its first chunk and of one that has filled ten thousand. Both take
// the same time; the second has cold memory to touch, where the chunks at both ends of the chain lie.

#include "support/compare.hpp"

#include <framealloc/smart_alloc.hpp>

#include <algorithm>
#include <chrono>
#include <string>

namespace {

constexpr std::size_t chunk_bytes = 4096;
using alloc_of_small_chunks = framealloc::basic_smart_alloc<framealloc::arena::chunked<chunk_bytes, chunk_bytes>>;

void end_frame(benchmark::State& state, std::size_t chunks) {
    alloc_of_small_chunks alloc;
    double longest = 0;
    for (auto _ : state) {
        alloc.begin_frame();
        // More than half a chunk: one request each.
        for (std::size_t i = 0; i < chunks; ++i) {
            benchmark::DoNotOptimize(
                alloc.frame_alloc(framealloc::layout{.bytes = chunk_bytes / 2 + 1024, .align = 16}));
        }
        auto const before = std::chrono::steady_clock::now();
        alloc.end_frame();
        std::chrono::duration<double> const took = std::chrono::steady_clock::now() - before;
        state.SetIterationTime(took.count());
        longest = std::max(longest, took.count());
    }
    state.counters["max_us"] = longest * 1e6;
    if (alloc.stats().frame_bytes_peak < (chunks - 1) * chunk_bytes / 2)
        state.SkipWithError("too few chunks were used");
}
void begin_and_end(benchmark::State& state) {
    framealloc::smart_alloc alloc;
    for (auto _ : state) {
        alloc.begin_frame();
        benchmark::DoNotOptimize(alloc.frame_alloc<char>());
        alloc.end_frame();
    }
    state.SetItemsProcessed(state.iterations());
}
void enter_and_leave_a_scope(benchmark::State& state) {
    framealloc::smart_alloc alloc;
    alloc.begin_frame();
    for (auto _ : state) {
        auto scope = alloc.frame_scope();
        benchmark::DoNotOptimize(scope.frame_alloc<char>());
    }
    alloc.end_frame();
    state.SetItemsProcessed(state.iterations());
}

[[maybe_unused]] bool const registered = [] {
    // Filling 10,000 chunks takes ten thousand times longer than what is measured: few turns, always as many.
    for (std::size_t const chunks : {1U, 2U, 10'000U}) {
        compare::add("frame_end_" + std::to_string(chunks) + (chunks == 1 ? "_chunk" : "_chunks"), "framealloc",
                     [chunks](benchmark::State& state) { end_frame(state, chunks); })
            ->Iterations(300)
            ->UseManualTime();
    }
    compare::add("frame_begin_and_end", "framealloc", begin_and_end);
    compare::add("frame_scope_enter_and_leave", "framealloc", enter_and_leave_a_scope);
    return true;
}();

}  // namespace
