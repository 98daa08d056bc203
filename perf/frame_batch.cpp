// SPDX-License-Identifier: MIT OR Apache-2.0

// A frame of 1,000 requests and its end. An item is one request; nothing is written into it unless the name says so. Where
// every object is written, all of them come close to each other: the memory is what costs then.

#include "support/distribution.hpp"
#include "support/frames.hpp"
#include "support/general.hpp"
#include "support/random.hpp"

#include <array>
#include <cstring>

namespace {

constexpr std::size_t requests_per_frame = 1000;

struct request {
    std::uint32_t bytes;
    std::uint32_t align;
};
using table = std::array<request, requests_per_frame>;

table draw(std::size_t largest_align) {
    fixed_random random;
    table drawn;
    for (request& r : drawn) {
        r.bytes = static_cast<std::uint32_t>(random.between(16, 512));
        r.align = 16;
        while (r.align < largest_align && random.between(0, 1) == 1) r.align *= 2;
    }
    return drawn;
}
table const sizes = draw(16);
table const sizes_and_alignments = draw(256);

template <std::size_t Align>
struct equal {
    template <class Source>
    [[gnu::always_inline]] static void serve(Source& from) {
        for (std::size_t i = 0; i < requests_per_frame; ++i) {
            void* const p = from.template take<64, Align>();
            asm volatile("" : : "r"(p) : "memory");
        }
    }
};
struct equal_and_written {
    template <class Source>
    [[gnu::always_inline]] static void serve(Source& from) {
        for (std::size_t i = 0; i < requests_per_frame; ++i) {
            void* const p = from.template take<64, 16>();
            std::memset(p, static_cast<int>(i), 64);
            asm volatile("" : : "r"(p) : "memory");
        }
    }
};
template <table const& Requests>
struct drawn {
    template <class Source>
    [[gnu::always_inline]] static void serve(Source& from) {
        for (request const& r : Requests) {
            void* const p = from.take(r.bytes, r.align);
            asm volatile("" : : "r"(p) : "memory");
        }
    }
};

template <class Frames, class Work>
void frame_batch(benchmark::State& state) {
    Frames frames;
    auto const work = [](auto& from) __attribute__((always_inline)) { Work::serve(from); };
    for (int warm = 0; warm < 3; ++warm) frames.frame(work);
    for (auto _ : state) frames.frame(work);
    state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(requests_per_frame));
}
template <class Malloc, class Work>
void frame_batch_of(benchmark::State& state) {
    if (Malloc::is_here(state)) frame_batch<frames::freed_one_by_one<Malloc>, Work>(state);
}

/// The same frames, one by one.
template <class Frames, class Work>
void frame_times(benchmark::State& state) {
    Frames frames;
    auto const work = [](auto& from) { Work::serve(from); };
    for (int warm = 0; warm < 3; ++warm) frames.frame(work);
    distribution times;
    times.begin();
    for (auto _ : state) {
        frames.frame(work);
        times.turn();
    }
    times.report(state);
    state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(requests_per_frame));
}
template <class Malloc, class Work>
void frame_times_of(benchmark::State& state) {
    if (Malloc::is_here(state)) frame_times<frames::freed_one_by_one<Malloc>, Work>(state);
}

#define FRAMES_OF(work)                                             \
    BENCHMARK_TEMPLATE(frame_batch, frames::limit, work);           \
    BENCHMARK_TEMPLATE(frame_batch, frames::thread_limit, work);    \
    BENCHMARK_TEMPLATE(frame_batch, frames::local, work);           \
    BENCHMARK_TEMPLATE(frame_batch, frames::scope, work);           \
    BENCHMARK_TEMPLATE(frame_batch, frames::single_threaded, work); \
    BENCHMARK_TEMPLATE(frame_batch, frames::object, work);          \
    BENCHMARK_TEMPLATE(frame_batch, frames::checked, work);         \
    BENCHMARK_TEMPLATE(frame_batch, frames::pmr_monotonic, work);   \
    BENCHMARK_TEMPLATE(frame_batch_of, general::mimalloc, work);    \
    BENCHMARK_TEMPLATE(frame_batch_of, general::glibc, work)

FRAMES_OF(equal<16>);
FRAMES_OF(equal<64>);
FRAMES_OF(equal_and_written);
FRAMES_OF(drawn<sizes>);
FRAMES_OF(drawn<sizes_and_alignments>);

BENCHMARK_TEMPLATE(frame_times, frames::thread_limit, drawn<sizes>);
BENCHMARK_TEMPLATE(frame_times, frames::object, drawn<sizes>);
BENCHMARK_TEMPLATE(frame_times, frames::pmr_monotonic, drawn<sizes>);
BENCHMARK_TEMPLATE(frame_times_of, general::mimalloc, drawn<sizes>);
BENCHMARK_TEMPLATE(frame_times_of, general::glibc, drawn<sizes>);

}  // namespace
