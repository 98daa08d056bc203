// SPDX-License-Identifier: MIT OR Apache-2.0

// One thread allocates blocks of 64 bytes, another frees them; a ring of 4,096 places lies between. An item is one block,
// allocated, handed over and freed; the time is the clock's. In `producer_consumer` the first bytes of each block are written
// on one side and read on the other, in `producer_consumer_untouched` only the pointer is handed over. The limit is the ring
// alone, over twice as many blocks as it has places, in turn. Where cores_used is not near 2, the threads took turns.

#include "support/compare.hpp"
#include "support/cores_used.hpp"
#include "support/ring.hpp"
#include "support/shared_blocks.hpp"

#include <memory>
#include <thread>

namespace {

template <class Blocks, bool Touched>
void stream(benchmark::State& state) {
    auto const blocks = std::make_unique<Blocks>();
    auto const between = std::make_unique<ring>();
    std::thread consumer{[&] {
        auto from = blocks->source();
        unsigned long sum = 0;
        while (auto* const p = static_cast<unsigned long*>(between->take())) {
            if constexpr (Touched) sum += *p;
            from.template give<64>(p);
        }
        benchmark::DoNotOptimize(sum);
    }};
    {
        auto from = blocks->source();
        unsigned long turn = 0;
        cores_used const cores;
        for (auto _ : state) {
            auto* const p = static_cast<unsigned long*>(from.template take<64>());
            if constexpr (Touched) *p = ++turn;
            between->put(p);
        }
        state.counters["cores_used"] = cores.so_far();
        between->put(nullptr);
    }
    consumer.join();
    state.SetItemsProcessed(state.iterations());
}

/// No allocator at all.
struct hand_over {
    struct from {
        static constexpr std::size_t count = 8192;
        unsigned char* blocks;
        std::size_t next = 0;
        template <std::size_t>
        void* take() {
            return blocks + (next++ % count) * 64;
        }
        template <std::size_t>
        void give(void*) {}
    };
    std::unique_ptr<unsigned char[]> memory = std::make_unique<unsigned char[]>(from::count * 64);
    from source() { return {memory.get()}; }
};

template <bool Touched>
void add_all(char const* workload) {
    auto const by_the_clock = [](benchmark::internal::Benchmark* b) { b->UseRealTime(); };
    by_the_clock(compare::add(workload, "limit", stream<hand_over, Touched>));
    by_the_clock(compare::add(workload, "framealloc_local", stream<shared_blocks::local, Touched>));
    by_the_clock(compare::add(workload, "framealloc", stream<shared_blocks::object, Touched>));
    by_the_clock(compare::add(workload, "framealloc_checked", stream<shared_blocks::checked, Touched>));
    compare::add_mallocs(
        workload,
        []<class Malloc>(benchmark::State& state) { stream<shared_blocks::through_malloc<Malloc>, Touched>(state); },
        by_the_clock);
}
[[maybe_unused]] bool const added =
    (add_all<true>("producer_consumer"), add_all<false>("producer_consumer_untouched"), true);

}  // namespace
