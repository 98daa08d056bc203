// SPDX-License-Identifier: MIT OR Apache-2.0

// Out of a frame: 100 objects are made in it, each of them is given a home in a pool, the frame ends, and the pool's are freed.
// An item is one object. `record` is 64 trivial bytes; `text` is a string of 100 characters, which has memory of its own.
//
//   in_pool      made in the pool in the first place: the limit, for who knows beforehand
//   by_hand      moved to a new object of the pool; what is left is destroyed at the end of the frame
//   copied       copied there
//   to_malloc    moved to what std::make_unique gets
//   promoted     promote_to_pool
//   retained     frame_retained, and moved by the end of the frame
//
// By hand nobody looks whether the object is one of the open frame, and nothing keeps it from being destroyed twice.

#include <framealloc/promotion/promote.hpp>
#include <framealloc/promotion/retained.hpp>
#include <framealloc/smart_alloc.hpp>

#include <benchmark/benchmark.h>

#include <array>
#include <memory>
#include <string>
#include <utility>

namespace {

using framealloc::smart_alloc;
using assembly = smart_alloc::assembly_type;
constexpr std::size_t per_frame = 100;

struct record {
    std::array<unsigned char, 64> bytes{};
};
struct text {
    std::string characters = std::string(100, 'x');
};

template <class T>
struct in_pool {
    using kept = framealloc::pool_ptr<T, assembly>;
    static void make(smart_alloc& alloc, kept& to) { to = alloc.pool_box<T>(); }
};
template <class T>
struct by_hand {
    using kept = framealloc::pool_ptr<T, assembly>;
    static void make(smart_alloc& alloc, kept& to) {
        T* const made = alloc.frame_new<T>();
        benchmark::DoNotOptimize(made);
        to = alloc.pool_box<T>(std::move(*made));
    }
};
template <class T>
struct copied {
    using kept = framealloc::pool_ptr<T, assembly>;
    static void make(smart_alloc& alloc, kept& to) {
        T const* const made = alloc.frame_new<T>();
        benchmark::DoNotOptimize(made);
        to = alloc.pool_box<T>(*made);
    }
};
template <class T>
struct to_malloc {
    using kept = std::unique_ptr<T>;
    static void make(smart_alloc& alloc, kept& to) {
        T* const made = alloc.frame_new<T>();
        benchmark::DoNotOptimize(made);
        to = std::make_unique<T>(std::move(*made));
    }
};
template <class T>
struct promoted {
    using kept = framealloc::pool_ptr<T, assembly>;
    static void make(smart_alloc& alloc, kept& to) {
        T* const made = alloc.frame_new<T>();
        benchmark::DoNotOptimize(made);
        to = promote_to_pool(alloc, made);
    }
};
template <class T>
struct retained_at_end {
    using kept = framealloc::retained<T, assembly>;
    static void make(smart_alloc& alloc, kept& to) {
        to = frame_retained<T>(alloc, framealloc::retention::pool);
        benchmark::DoNotOptimize(to.get());
    }
};

template <class Way>
void out_of_a_frame(benchmark::State& state) {
    smart_alloc alloc;
    std::array<typename Way::kept, per_frame> all;
    for (auto _ : state) {
        alloc.begin_frame();
        for (auto& each : all) Way::make(alloc, each);
        alloc.end_frame();
        for (auto& each : all) {
            benchmark::DoNotOptimize(each.get());
            each.reset();
        }
    }
    state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(per_frame));
}

#define OUT_OF_A_FRAME(TYPE)                                                           \
    BENCHMARK(out_of_a_frame<in_pool<TYPE>>)->Name("promotion_" #TYPE "/in_pool");     \
    BENCHMARK(out_of_a_frame<by_hand<TYPE>>)->Name("promotion_" #TYPE "/by_hand");     \
    BENCHMARK(out_of_a_frame<copied<TYPE>>)->Name("promotion_" #TYPE "/copied");       \
    BENCHMARK(out_of_a_frame<to_malloc<TYPE>>)->Name("promotion_" #TYPE "/to_malloc"); \
    BENCHMARK(out_of_a_frame<promoted<TYPE>>)->Name("promotion_" #TYPE "/promoted");   \
    BENCHMARK(out_of_a_frame<retained_at_end<TYPE>>)->Name("promotion_" #TYPE "/retained")
OUT_OF_A_FRAME(record);
OUT_OF_A_FRAME(text);

}  // namespace
