// SPDX-License-Identifier: MIT OR Apache-2.0

// Objects of 512 to 4,096 bytes, 40 MiB of them, churned and thinned out until 60 % of what the slabs hold is nobody's. Then a
// hundred calls, a frame's each, with a budget of 200 microseconds. A turn of the benchmark is one call; the churn is not timed.
//
//   p50_us ... max_us     what a call took: the budget, kept or not. The longest is often the host's
//   before, after         resident memory of the process beyond what it had before the heap, per live byte
//   calls                 how many of the hundred moved or gave back anything
//
// `strings` are objects with a move constructor, std::string in front of their bytes; `bytes` are moved as such. `spinning` moves
// nothing: it looks at the clock for the two thirds of the budget that a call uses, and shows how late the machine itself is.

#include "support/distribution.hpp"
#include "support/random.hpp"
#include "support/resident.hpp"
#include "support/smoke.hpp"

#include <framealloc/handle/handle_heap.hpp>

#include <benchmark/benchmark.h>

#include <chrono>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

namespace {

using heap_type = framealloc::handle_allocator<>::heap_type;

struct bytes_of_sizes {
    using name = framealloc::handle<std::byte>;
    static std::size_t make(heap_type& heap, fixed_random& random, std::vector<name>& names) {
        constexpr std::size_t sizes[] = {512, 768, 1024, 1536, 2048, 3072, 4096};
        std::size_t const bytes = sizes[random.between(0, 6)];
        names.push_back(heap.alloc({.bytes = bytes, .align = 16}));
        std::memset(heap.resolve(names.back()), 1, bytes);
        return bytes;
    }
};
struct strings {
    struct named {
        std::string name = "somebody";
        char bytes[1000] = {1};
    };
    using name = framealloc::handle<named>;
    static std::size_t make(heap_type& heap, fixed_random&, std::vector<name>& names) {
        names.push_back(heap.make<named>());
        return sizeof(named);
    }
};

template <class Objects>
void defragment(benchmark::State& state) {
    distribution times;
    double before = 0, after = 0, calls = 0, rounds = 0, bytes_moved = 0;
    for (auto _ : state) {
        framealloc::smart_alloc alloc;
        fixed_random random;
        std::vector<typename Objects::name> names;
        names.reserve(200'000);
        std::memset(static_cast<void*>(names.data()), 0, names.capacity() * sizeof names[0]);
        std::size_t const at_first = resident_bytes();
        framealloc::handle_allocator<> owner{alloc};
        heap_type& heap = *owner;
        auto const free_one = [&] {
            std::size_t const i = random.between(0, names.size() - 1);
            heap.free(names[i]);
            names[i] = names.back();
            names.pop_back();
        };
        for (std::size_t made = 0; made < work(std::size_t{40} << 20, std::size_t{2} << 20);) {
            made += Objects::make(heap, random, names);
        }
        for (std::size_t i = 0, n = names.size(); i < n; ++i) {
            free_one();
            Objects::make(heap, random, names);
        }
        while (heap.stats().fragmentation < 0.6) free_one();
        auto const per_live_byte = [&] {
            return static_cast<double>(resident_bytes() - at_first) / static_cast<double>(heap.stats().live_bytes);
        };
        before += per_live_byte();
        auto const begin = std::chrono::steady_clock::now();
        times.begin();
        for (int call = 0; call < 100; ++call) {
            auto const r = heap.defragment(std::chrono::microseconds{200});
            times.turn();
            calls += r.moves != 0 || r.bytes_given_back != 0;
            bytes_moved += static_cast<double>(r.bytes_moved);
        }
        state.SetIterationTime(std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count());
        after += per_live_byte();
        ++rounds;
    }
    times.report(state);
    state.counters["before"] = before / rounds;
    state.counters["after"] = after / rounds;
    state.counters["calls"] = calls / rounds;
    state.counters["moved_MiB"] = bytes_moved / rounds / (1 << 20);
    state.SetItemsProcessed(static_cast<std::int64_t>(100 * rounds));
}

void spin(benchmark::State& state) {
    using clock = std::chrono::steady_clock;
    distribution times;
    for (auto _ : state) {
        auto const begin = clock::now();
        times.begin();
        for (int call = 0; call < 100; ++call) {
            auto const end = clock::now() + std::chrono::microseconds{136};
            while (clock::now() < end) {}
            times.turn();
        }
        state.SetIterationTime(std::chrono::duration<double>(clock::now() - begin).count());
    }
    times.report(state);
}

BENCHMARK(defragment<bytes_of_sizes>)->Name("handle_defragment/bytes")->UseManualTime()->Unit(benchmark::kMillisecond);
BENCHMARK(defragment<strings>)->Name("handle_defragment/strings")->UseManualTime()->Unit(benchmark::kMillisecond);
BENCHMARK(spin)->Name("handle_defragment/spinning")->UseManualTime()->Unit(benchmark::kMillisecond);

}  // namespace
