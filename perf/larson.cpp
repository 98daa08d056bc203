// SPDX-License-Identifier: MIT OR Apache-2.0

// A server: each thread holds the blocks of its connections and replaces them in no order, and what one thread has allocated
// another frees. After P. Larson and M. Krishnan, "Memory Allocation for Long-Running Server Applications", ISMM 1998.
//
// A set is 1,000 blocks of 16 to 512 bytes. A thread replaces 1,000 blocks, drawn at random, in the set that it holds (free
// one, allocate another, write its first and last byte), then leaves the set for a successor and goes on with the one that
// was left before. There is one place where a set waits, so whoever comes takes what somebody else has left. An item is one
// replacement; the time is the clock's for all threads together, without their birth and the filling of the sets.
// Where cores_used is not near the lower of threads and cores, the threads took turns, and little of this is measured.

#include "support/compare.hpp"
#include "support/cores_used.hpp"
#include "support/measured_together.hpp"
#include "support/shared_blocks.hpp"
#include "support/smoke.hpp"
#include "support/thread_random.hpp"

#include <atomic>
#include <memory>
#include <string>

namespace {

constexpr std::size_t blocks_in_a_set = 1000;
constexpr std::size_t replaced_in_a_turn = 1000;
constexpr std::size_t smallest = 16;
constexpr std::size_t largest = 512;

struct connections {
    struct block {
        unsigned char* memory;
        std::size_t bytes;
    };
    block blocks[blocks_in_a_set];
};

template <class Source>
[[gnu::always_inline]] inline void allocate(Source& from, connections::block& b, std::size_t bytes) {
    b.bytes = bytes;
    b.memory = static_cast<unsigned char*>(from.take(bytes));
    b.memory[0] = b.memory[bytes - 1] = static_cast<unsigned char>(bytes);
}
template <class Source>
void fill(Source& from, connections& set, thread_random& random) {
    for (connections::block& b : set.blocks) allocate(from, b, random.between(smallest, largest));
}
template <class Source>
void replace_some(Source& from, connections& set, thread_random& random) {
    for (std::size_t i = 0; i < replaced_in_a_turn; ++i) {
        connections::block& b = set.blocks[random.below(blocks_in_a_set)];
        from.give(b.memory, b.bytes);
        allocate(from, b, random.between(smallest, largest));
    }
}
template <class Source>
void clear(Source& from, connections& set) {
    for (connections::block const& b : set.blocks) from.give(b.memory, b.bytes);
}

template <class Blocks>
void larson(benchmark::State& state, std::size_t threads) {
    std::size_t const turns = work(200, 5);
    auto const blocks = std::make_unique<Blocks>();
    auto const sets = std::make_unique<connections[]>(threads + 1);
    cores_used const cores;
    for (auto _ : state) {
        std::atomic<connections*> waiting{&sets[threads]};
        {
            auto from = blocks->source();
            thread_random random{threads};
            fill(from, sets[threads], random);
        }
        state.SetIterationTime(seconds_of(threads, [&](std::size_t i, measured_together& part) {
            auto from = blocks->source();
            thread_random random{i};
            connections* mine = &sets[i];
            fill(from, *mine, random);
            part.begin();
            for (std::size_t turn = 0; turn < turns; ++turn) {
                replace_some(from, *mine, random);
                mine = waiting.exchange(mine, std::memory_order_acq_rel);
            }
            part.end();
            clear(from, *mine);
        }));
        auto from = blocks->source();
        clear(from, *waiting.load());
    }
    state.counters["cores_used"] = cores.so_far();
    state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(threads * turns * replaced_in_a_turn));
}

bool add_all() {
    for (std::size_t const threads : {2u, 4u}) {
        std::string const workload = "larson_" + std::to_string(threads);
        auto const measured_part = [](benchmark::internal::Benchmark* b) { b->UseManualTime(); };
        measured_part(compare::add(workload, "limit",
                                   [=](benchmark::State& state) { larson<shared_blocks::limit>(state, threads); }));
        measured_part(compare::add(workload, "framealloc_local",
                                   [=](benchmark::State& state) { larson<shared_blocks::local>(state, threads); }));
        measured_part(compare::add(workload, "framealloc",
                                   [=](benchmark::State& state) { larson<shared_blocks::object>(state, threads); }));
        compare::add_mallocs(
            workload,
            [=]<class Malloc>(benchmark::State& state) {
                larson<shared_blocks::through_malloc<Malloc>>(state, threads);
            },
            measured_part);
    }
    return true;
}
[[maybe_unused]] bool const added = add_all();

}  // namespace
