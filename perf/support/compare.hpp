// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include "mallocs.hpp"

#include <benchmark/benchmark.h>

#include <string>

// Who is compared with whom is told by names: a benchmark is called `workload/contender`, and everything with the same
// workload is drawn in one panel. tools/bench.sh reads the names and nothing else.

namespace compare {

/// Registers one contender of a workload. `run(benchmark::State&)` does it.
template <class Run>
benchmark::internal::Benchmark* add(std::string const& workload, std::string const& contender, Run run) {
    return benchmark::RegisterBenchmark((workload + "/" + contender).c_str(), run);
}

/// Registers every general allocator: `run.template operator()<Malloc>(state)`. One that is not installed says so in its
/// line and is left out of the picture.
template <class Run, class Configure>
void add_mallocs(std::string const& workload, Run run, Configure configure) {
    mallocs::for_each([&]<class Malloc>() {
        configure(add(workload, Malloc::name, [run](benchmark::State& state) {
            if (!Malloc::is_here()) return state.SkipWithError(Malloc::why_not().c_str());
            run.template operator()<Malloc>(state);
        }));
    });
}
template <class Run>
void add_mallocs(std::string const& workload, Run run) {
    add_mallocs(workload, run, [](benchmark::internal::Benchmark*) {});
}

}  // namespace compare
