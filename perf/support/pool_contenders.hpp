// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include "boost_pool.hpp"
#include "compare.hpp"
#include "foonathan.hpp"
#include "pools.hpp"

// Who takes part in the workloads of pools.

namespace pools {

template <class Pool, class Run>
void add(std::string const& workload, char const* contender, Run run) {
    compare::add(workload, contender, [run](benchmark::State& state) { run.template operator()<Pool>(state); });
}

/// Registers everybody who takes any size: `run.template operator()<Pool>(state)`.
template <class Run>
void add_all(std::string const& workload, Run run) {
    add<limit>(workload, "limit", run);
    add<thread_limit>(workload, "thread_limit", run);
    add<object>(workload, "framealloc", run);
    add<local>(workload, "framealloc_local", run);
    add<single_threaded>(workload, "framealloc_single", run);
    add<checked>(workload, "framealloc_checked", run);
    add<by_address>(workload, "framealloc_by_address", run);
    add<pmr_pool>(workload, "pmr", run);
    compare::add_mallocs(workload, [run]<class Malloc>(benchmark::State& state) {
        run.template operator()<through_malloc<Malloc>>(state);
    });
}

/// Registers those who serve one size and no other. `Count` blocks are what the workload keeps alive.
template <std::size_t Bytes, std::size_t Count, class Run>
void add_pools_of_one_size(std::string const& workload, Run run) {
#ifdef FRAMEALLOC_PERF_FOONATHAN
    add<peers::foonathan_pool<Bytes, Count>>(workload, "foonathan", run);
#else
    peers::add_missing_foonathan(workload);
#endif
#ifdef FRAMEALLOC_PERF_BOOST
    add<peers::boost_pool<Bytes>>(workload, "boost_pool", run);
#else
    peers::add_missing_boost(workload, "boost_pool");
#endif
}

}  // namespace pools
