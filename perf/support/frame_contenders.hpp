// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include "compare.hpp"
#include "foonathan.hpp"
#include "frames.hpp"

// Who takes part in the workloads of frames.

namespace frames {

template <class Frames, class Run>
void add(std::string const& workload, char const* contender, Run run) {
    compare::add(workload, contender, [run](benchmark::State& state) { run.template operator()<Frames>(state); });
}

/// Registers everybody: `run.template operator()<Frames>(state)`.
template <class Run>
void add_all(std::string const& workload, Run run) {
    add<limit>(workload, "limit", run);
    add<thread_limit>(workload, "thread_limit", run);
    add<object>(workload, "framealloc", run);
    add<local>(workload, "framealloc_local", run);
    add<scope>(workload, "framealloc_scope", run);
    add<single_threaded>(workload, "framealloc_single", run);
    add<checked>(workload, "framealloc_checked", run);
    add<pmr_monotonic>(workload, "pmr", run);
#ifdef FRAMEALLOC_PERF_FOONATHAN
    add<peers::foonathan_stack<room>>(workload, "foonathan", run);
#else
    peers::add_missing_foonathan(workload);
#endif
    compare::add_mallocs(workload, [run]<class Malloc>(benchmark::State& state) {
        run.template operator()<freed_one_by_one<Malloc>>(state);
    });
}

}  // namespace frames
