// SPDX-License-Identifier: MIT OR Apache-2.0

// One pool of objects of 64 bytes for 1, 2 and 4 threads. An item is one pair; the rate is of all threads together, by the clock.
//
//   object_pool_own_N            each of N threads makes 64 objects and ends them, in reverse order
//   object_pool_handed_over_N    N/2 threads make objects, N/2 end them; a ring of 4,096 places lies between each two
//
// `framealloc` is a lock_free_pool, which has eight stacks of free slots; `framealloc_one_stack` has one, on which all meet.
// `framealloc_mutex` is a fixed pool behind a std::mutex. `boost_lockfree` is the list of free nodes that Boost.Lockfree's containers
// have. Where cores_used is not near the number of threads, or of cores, the threads took turns.

#include "support/cores_used.hpp"
#include "support/object_pools.hpp"
#include "support/opaque.hpp"
#include "support/ring.hpp"

#include <framealloc/object_pool/concurrent_pool.hpp>
#include <framealloc/object_pool/lock_free_pool.hpp>

#ifdef FRAMEALLOC_PERF_BOOST
#include <boost/lockfree/detail/freelist.hpp>
#endif

#include <memory>
#include <thread>
#include <vector>

namespace {

using object_pools::object;
using object_pools::ours;

using lock_free = ours<framealloc::lock_free_pool<object>>;
using one_stack = ours<framealloc::lock_free_pool<object, framealloc::slots::index_stack<1>>>;
using with_mutex = ours<framealloc::concurrent_pool<object, std::mutex, framealloc::storage::fixed>>;

#ifdef FRAMEALLOC_PERF_BOOST
struct boost_lockfree {
    boost::lockfree::detail::freelist_stack<object> pool;
    explicit boost_lockfree(std::size_t count) : pool(std::allocator<object>{}, count) {}
    object* make(std::uint64_t n) { return pool.construct<true, true>(n); }
    void end(object* o) { pool.destruct<true>(o); }
};
#endif

constexpr std::size_t most_threads = 4;
constexpr std::size_t own = 64;
constexpr std::size_t between = 8192;  // a ring's places, and what those at its ends hold

/// The same pool for all threads of all runs.
template <class Pool>
Pool& shared() {
    static Pool pool{most_threads * between};
    return pool;
}

template <class Pool>
[[gnu::noinline]] void fill_and_empty(Pool& pool, object** objects) {
    for (std::size_t i = 0; i < own; ++i) objects[i] = static_cast<object*>(opaque(pool.make(i)));
    for (std::size_t i = own; i > 0; --i) pool.end(objects[i - 1]);
}
template <class Pool>
void own_objects(benchmark::State& state) {
    Pool& pool = shared<Pool>();
    object* objects[own];
    cores_used const cores;
    for (auto _ : state) fill_and_empty(pool, objects);
    if (state.thread_index() == 0) state.counters["cores_used"] = cores.so_far();
    state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(own));
}

/// Each of the benchmark's threads makes; one more for each of them ends what it has made.
template <class Pool>
void handed_over(benchmark::State& state) {
    Pool& pool = shared<Pool>();
    auto const to = std::make_unique<ring>();
    std::thread consumer{[&] {
        while (void* const o = to->take()) pool.end(static_cast<object*>(o));
    }};
    cores_used const cores;
    for (std::uint64_t n = 0; auto _ : state) to->put(pool.make(++n));
    if (state.thread_index() == 0) state.counters["cores_used"] = cores.so_far();
    to->put(nullptr);
    consumer.join();
    state.SetItemsProcessed(state.iterations());
}

template <class Pool, class Run>
void add(std::string const& workload, char const* contender, int threads, Run run) {
    compare::add(workload, contender, [run](benchmark::State& state) { run.template operator()<Pool>(state); })
        ->Threads(threads)
        ->UseRealTime();
}
template <class Run>
void add_contenders(std::string const& workload, int threads, Run run) {
    add<lock_free>(workload, "framealloc", threads, run);
    add<one_stack>(workload, "framealloc_one_stack", threads, run);
    add<with_mutex>(workload, "framealloc_mutex", threads, run);
    add<object_pools::any_size>(workload, "framealloc_any_size", threads, run);
#ifdef FRAMEALLOC_PERF_BOOST
    add<boost_lockfree>(workload, "boost_lockfree", threads, run);
#else
    object_pools::add_missing_boost(workload, "boost_lockfree");
#endif
    compare::add_mallocs(
        workload,
        [run]<class Malloc>(benchmark::State& state) { run.template operator()<object_pools::general<Malloc>>(state); },
        [threads](benchmark::internal::Benchmark* b) { b->Threads(threads)->UseRealTime(); });
}

bool add_all() {
    for (int const threads : {1, 2, 4}) {
        add_contenders("object_pool_own_" + std::to_string(threads), threads,
                       []<class Pool>(benchmark::State& state) { own_objects<Pool>(state); });
    }
    for (int const threads : {2, 4}) {
        add_contenders("object_pool_handed_over_" + std::to_string(threads), threads / 2,
                       []<class Pool>(benchmark::State& state) { handed_over<Pool>(state); });
    }
    return true;
}
[[maybe_unused]] bool const added = add_all();

}  // namespace
