// SPDX-License-Identifier: MIT OR Apache-2.0

// The slowest of ten million requests: a frame is lost to its worst moment. Each request is timed by itself, so every
// figure contains one reading of the clock, which `single_request_clock` shows alone. The longest is mostly what the system
// takes away from the program; p999 and p99 are the allocator's.
//
// One byte is written into each frame request: with `first_touch` into fresh memory, where the system's page faults are;
// with `warm` into memory that an earlier frame has touched, as `attach_thread({.frame_bytes = ...})` arranges for the first
// frame, too. Nothing is written into the blocks of the pool.

#include "support/compare.hpp"
#include "support/distribution.hpp"

#include <framealloc/smart_alloc.hpp>

#include <memory>

namespace {

constexpr std::int64_t ten_million = 10'000'000;
constexpr framealloc::layout block{.bytes = 64, .align = 16};

template <class Take>
void time_each(benchmark::State& state, Take take) {
    distribution times;
    for (auto _ : state) {
        times.begin();
        take();
        times.turn();
    }
    times.report(state);
}

void nothing(benchmark::State& state) {
    time_each(state, [] { benchmark::ClobberMemory(); });
}

/// Frames of 16 MiB: a request in sixteen thousand takes a chunk.
void frame_request(benchmark::State& state, bool warm) {
    constexpr std::size_t per_frame = (std::size_t{16} << 20) / block.bytes;
    auto const fill = [](framealloc::smart_alloc& a) { *static_cast<volatile char*>(a.frame_alloc(block)) = 1; };
    auto alloc = std::make_unique<framealloc::smart_alloc>();
    alloc->begin_frame();
    if (warm) {
        for (std::size_t i = 0; i < per_frame; ++i) fill(*alloc);
    }
    alloc->end_frame();
    alloc->begin_frame();
    std::size_t in_frame = 0;
    time_each(state, [&] {
        if (in_frame++ == per_frame) {
            alloc->end_frame();
            if (!warm) alloc = std::make_unique<framealloc::smart_alloc>();
            alloc->begin_frame();
            in_frame = 1;
        }
        fill(*alloc);
    });
    alloc->end_frame();
}

void pool_pair(benchmark::State& state) {
    framealloc::smart_alloc alloc;
    time_each(state, [&] {
        void* const p = alloc.pool_alloc(block);
        benchmark::DoNotOptimize(p);
        alloc.pool_free(p, block);
    });
}

[[maybe_unused]] bool const registered = [] {
    auto const add = [](char const* workload, char const* contender, auto run) {
        compare::add(workload, contender, run)->Iterations(ten_million);
    };
    add("single_request_clock", "nothing", nothing);
    add("single_frame_request_warm", "framealloc", [](benchmark::State& state) { frame_request(state, true); });
    add("single_frame_request_first_touch", "framealloc", [](benchmark::State& state) { frame_request(state, false); });
    add("single_pool_pair", "framealloc", pool_pair);
    return true;
}();

}  // namespace
