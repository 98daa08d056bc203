// SPDX-License-Identifier: MIT OR Apache-2.0

// A frame that asks for one array of 1,000 objects of 64 bytes and ends. An item is one frame, its begin and end included.
// Nothing is written into the array. In `frame_batch_array` the compiler knows the number of objects, in
// `frame_batch_array_run_time` it does not. The limit begins each frame at the same place, and the compiler sees it: what is
// left of it is the loop, and the others are told by the nanoseconds that they take above it, not by a ratio.

#include "support/frame_requests.hpp"

namespace {

constexpr std::size_t objects = 1000;
/// The frames in a loop of their own, because the benchmark's own loop would cost as much.
constexpr int frames_per_turn = 1000;

/// `count()` tells the number of objects.
template <class Count>
void add(char const* workload, Count count) {
    frames::add_all(workload, [count]<class Frames>(benchmark::State& state) {
        Frames frames;
        auto const work = [count](auto& from) __attribute__((always_inline)) {
            frame_requests::use(frames::take_array<64>(from, count()));
        };
        for (int warm = 0; warm < 3; ++warm) frames.frame(work);
        for (auto _ : state) {
            for (int i = 0; i < frames_per_turn; ++i) frames.frame(work);
        }
        state.SetItemsProcessed(state.iterations() * frames_per_turn);
    });
}

[[maybe_unused]] bool const registered = [] {
    add("frame_batch_array", [] { return objects; });
    add("frame_batch_array_run_time", [] {
        std::size_t n = objects;
        asm volatile("" : "+r"(n));
        return n;
    });
    return true;
}();

}  // namespace
