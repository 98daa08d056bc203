// SPDX-License-Identifier: MIT OR Apache-2.0

// What threads share, counted and not timed: two cores cannot show how an allocator does on 64, but how often an operation
// touches a cache line that other threads write does not depend on the cores. Counters, per operation, over all threads that
// take part:
//
//   shared_rmw_per_op       read-modify-writes of shared words, in queues and elsewhere, successful or not
//   shared_stores_per_op    plain writes of shared words
//   handed_over_per_op      batches that went into a queue or came out of one
//   turned_away_per_op      queues found full or empty
//   locks_per_op            locks of the instance taken or tried
//
// docs/contention.md says what follows for many threads. The time on a line means nothing.

#include "support/compare.hpp"
#include "support/counting_sync.hpp"
#include "support/ring.hpp"

#include <framealloc/smart_alloc.hpp>

#include <atomic>
#include <memory>
#include <thread>
#include <vector>

namespace {

using counted_alloc = framealloc::basic_smart_alloc<counting_sync>;
constexpr framealloc::layout small{.bytes = 64, .align = 16};
constexpr framealloc::layout large{.bytes = std::size_t{64} << 10, .align = 16};

/// Counts what the calling thread does while it lives.
class counted {
public:
    explicit counted(shared_touches& into) { counting_sync::tally = &into; }
    ~counted() { counting_sync::tally = nullptr; }
    counted(counted const&) = delete;
    counted& operator=(counted const&) = delete;
};

void report(benchmark::State& state, shared_touches const& touched, std::size_t operations_per_turn) {
    double const operations = static_cast<double>(state.iterations()) * static_cast<double>(operations_per_turn);
    auto const per_op = [&](unsigned long long n) { return static_cast<double>(n) / operations; };
    state.counters["shared_rmw_per_op"] = per_op(touched.read_modify_writes);
    state.counters["shared_stores_per_op"] = per_op(touched.stores);
    state.counters["handed_over_per_op"] = per_op(touched.handed_over);
    state.counters["turned_away_per_op"] = per_op(touched.turned_away);
    state.counters["locks_per_op"] = per_op(touched.locks);
    state.SetItemsProcessed(static_cast<std::int64_t>(operations));
}

/// One thread's `turn()`, which is `operations` operations, after some turns that are not counted.
template <class Turn>
void on_one_thread(benchmark::State& state, std::size_t operations, Turn turn) {
    for (int warm = 0; warm < 5; ++warm) turn();
    shared_touches touched;
    {
        counted const here{touched};
        for (auto _ : state) turn();
    }
    report(state, touched, operations);
}

void frame(benchmark::State& state) {
    counted_alloc alloc;
    constexpr std::size_t requests = 1000;
    on_one_thread(state, requests, [&] {
        alloc.begin_frame();
        for (std::size_t i = 0; i < requests; ++i) benchmark::DoNotOptimize(alloc.frame_alloc(small));
        alloc.end_frame();
    });
}
template <std::size_t Alive>
void pool_pairs(benchmark::State& state) {
    counted_alloc alloc;
    std::vector<void*> blocks(Alive);
    on_one_thread(state, Alive, [&] {
        for (void*& p : blocks) p = alloc.pool_alloc(small);
        for (void* const p : blocks) alloc.pool_free(p, small);
    });
}
void heap_pairs(benchmark::State& state) {
    counted_alloc alloc;
    on_one_thread(state, 1, [&] { alloc.heap_free(alloc.heap_alloc(large), large); });
}

/// 1,000 blocks a turn go from one thread to another.
void cross_thread_free(benchmark::State& state) {
    constexpr std::size_t in_a_turn = 1000;
    counted_alloc alloc;
    auto const between = std::make_unique<ring>();
    shared_touches producer, consumer;
    std::thread freeing{[&] {
        counted const here{consumer};
        while (void* const p = between->take()) alloc.pool_free(p, small);
    }};
    {
        counted const here{producer};
        for (auto _ : state) {
            for (std::size_t i = 0; i < in_a_turn; ++i) between->put(alloc.pool_alloc(small));
        }
    }
    between->put(nullptr);
    freeing.join();
    producer += consumer;
    report(state, producer, in_a_turn);
}

/// A thread that takes a block, frees it, has a frame and ends. Its tally is still there when the allocator clears up after it.
void attach_detach(benchmark::State& state) {
    counted_alloc alloc;
    shared_touches touched, ignored;
    auto const thread_that_counts = [&](shared_touches& into) {
        std::thread{[&] {
            counting_sync::tally = &into;
            alloc.pool_free(alloc.pool_alloc(small), small);
            alloc.begin_frame();
            benchmark::DoNotOptimize(alloc.frame_alloc(small));
            alloc.end_frame();
        }}.join();
    };
    thread_that_counts(ignored);
    for (auto _ : state) thread_that_counts(touched);
    report(state, touched, 1);
}

bool add_all() {
    compare::add("contention_frame", "framealloc", frame);
    compare::add("contention_pool_in_magazines", "framealloc", pool_pairs<100>);
    compare::add("contention_pool_in_reserve", "framealloc", pool_pairs<1'000>);
    compare::add("contention_pool_refilled", "framealloc", pool_pairs<10'000>);
    compare::add("contention_cross_thread_free", "framealloc", cross_thread_free)->UseRealTime();
    compare::add("contention_heap", "framealloc", heap_pairs);
    compare::add("contention_attach_detach", "framealloc", attach_detach)->UseRealTime();
    return true;
}
[[maybe_unused]] bool const added = add_all();

}  // namespace
