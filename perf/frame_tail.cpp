// SPDX-License-Identifier: MIT OR Apache-2.0

// 20,000 whole frames, each timed by itself: 1,000 frame requests of 16 to 512 bytes, 200 pool blocks of 64 bytes taken
// between them, two heap blocks of 1 MiB, and everything given back at the frame's end. An item is one frame, with one
// reading of the clock in it.
//
// The first eight bytes of each frame request and pool block are written, and the first and the last of each heap block:
// whoever gives 1 MiB back to the system at every free meets two page faults per block here, and 256 in
// heap_blocks_touched. `backend_calls` are framealloc's, after the warm-up of 100 frames.

#include "support/distribution.hpp"
#include "support/frame_requests.hpp"
#include "support/whole_frames.hpp"

#include <array>

namespace {

constexpr std::int64_t frames_to_time = 20'000;
constexpr int frames_to_warm_up = 100;
constexpr std::size_t pool_blocks = 200;
constexpr std::size_t frame_requests_per_pool_block = frame_requests::per_frame / pool_blocks;
constexpr std::size_t heap_blocks = 2;

frame_requests::table const requests = frame_requests::draw(std::array{16U});

[[gnu::always_inline]] inline void write_at(void* p, std::size_t offset) {
    auto* const place = static_cast<unsigned char*>(p) + offset;
    *reinterpret_cast<unsigned long long volatile*>(place) = offset;
}

template <class Whole>
void one_frame(Whole& memory) {
    std::array<void*, pool_blocks> from_pool;
    std::array<void*, heap_blocks> from_heap;
    memory.begin();
    for (void*& p : from_heap) {
        p = memory.heap();
        write_at(p, 0);
        write_at(p, whole_frames::heap_bytes - sizeof(unsigned long long));
    }
    frame_requests::request const* next = requests.data();
    for (void*& p : from_pool) {
        for (std::size_t i = 0; i < frame_requests_per_pool_block; ++i) write_at(memory.frame((next++)->bytes), 0);
        p = memory.pool();
        write_at(p, 0);
    }
    for (void* const p : from_pool) memory.give_pool(p);
    for (void* const p : from_heap) memory.give_heap(p);
    memory.end();
}

constexpr auto frame_tail = []<class Whole>(benchmark::State& state) {
    Whole memory;
    for (int i = 0; i < frames_to_warm_up; ++i) one_frame(memory);
    [[maybe_unused]] std::size_t calls_before = 0;
    if constexpr (requires { memory.backend_calls(); }) calls_before = memory.backend_calls();
    distribution times;
    times.begin();
    for (auto _ : state) {
        one_frame(memory);
        times.turn();
    }
    times.report(state);
    if constexpr (requires { memory.backend_calls(); }) {
        state.counters["backend_calls"] = static_cast<double>(memory.backend_calls() - calls_before);
    }
    state.SetItemsProcessed(state.iterations());
};

[[maybe_unused]] bool const registered = [] {
    whole_frames::add_all("frame_tail", frame_tail,
                          [](benchmark::internal::Benchmark* one) { one->Iterations(frames_to_time); });
    return true;
}();

}  // namespace
