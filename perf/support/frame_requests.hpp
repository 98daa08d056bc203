// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include "frame_contenders.hpp"
#include "random.hpp"

#include <array>
#include <cstdint>

// What the workloads of frames have in common: 1,000 requests and the end of the frame. An item is one request.

namespace frame_requests {

inline constexpr std::size_t per_frame = 1000;

/// A request whose pointer is used, as far as the compiler knows.
[[gnu::always_inline]] inline void use(void* p) { asm volatile("" : : "r"(p) : "memory"); }

struct request {
    std::uint32_t bytes;
    std::uint32_t align;
};
using table = std::array<request, per_frame>;

/// Sizes from 16 to 512 bytes; each of the alignments as often as the others.
template <std::size_t N>
[[nodiscard]] table draw(std::array<std::uint32_t, N> const& alignments) {
    fixed_random random;
    table drawn;
    for (request& r : drawn) {
        r.bytes = static_cast<std::uint32_t>(random.between(16, 512));
        r.align = alignments[N == 1 ? 0 : random.between(0, N - 1)];
    }
    return drawn;
}

/// Requests of a table, as a program has them that does not know its sizes beforehand.
template <table const& Requests>
struct drawn {
    template <class Source>
    [[gnu::always_inline]] static void serve(Source& from) {
        for (request const& r : Requests) use(from.take(r.bytes, r.align));
    }
};

/// `Work::serve(from)` makes the requests of one frame.
template <class Work>
void add(std::string const& workload) {
    frames::add_all(workload, []<class Frames>(benchmark::State& state) {
        Frames frames;
        auto const work = [](auto& from) __attribute__((always_inline)) { Work::serve(from); };
        for (int warm = 0; warm < 3; ++warm) frames.frame(work);
        for (auto _ : state) frames.frame(work);
        state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(per_frame));
    });
}

}  // namespace frame_requests
