// SPDX-License-Identifier: MIT OR Apache-2.0

// What a thread costs beyond the system's own work for it. Threads that do something and threads that do nothing take turns,
// one at a time and all on one core; an item is the difference of the medians, from the birth of a thread to its join. The
// state of the thread before is adopted each time: no memory is taken.
//
//   attach_detach         attaches and ends, to eight instances, because one is too little to be seen beside what a thread costs:
//                         an item is one of them; general allocators, which know no attaching, allocate 64 bytes and free them
//   attach_use_detach     allocates two blocks of 64 bytes, one in a frame, and frees them
//
// Single runs of a cheap contender come out at some tens of nanoseconds more or less, and below one nanosecond as one.

#include "support/compare.hpp"
#include "support/smoke.hpp"

#include <framealloc/smart_alloc.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <thread>
#include <vector>

#include <sched.h>

namespace {

constexpr framealloc::layout block{.bytes = 64, .align = 16};

/// Keeps the calling thread, and those that it starts, on the core where it is: waking another one takes longer than what is
/// measured, and not always as long. Where the system refuses, the figures vary more.
class on_one_core {
public:
    on_one_core() {
        ::sched_getaffinity(0, sizeof before_, &before_);
        cpu_set_t here;
        CPU_ZERO(&here);
        CPU_SET(static_cast<std::size_t>(::sched_getcpu()), &here);
        ::sched_setaffinity(0, sizeof here, &here);
    }
    ~on_one_core() { ::sched_setaffinity(0, sizeof before_, &before_); }
    on_one_core(on_one_core const&) = delete;
    on_one_core& operator=(on_one_core const&) = delete;

private:
    cpu_set_t before_{};
};

template <class Body>
double nanoseconds_of_a_thread(Body body) {
    auto const begin = std::chrono::steady_clock::now();
    std::thread{body}.join();
    return std::chrono::duration<double, std::nano>(std::chrono::steady_clock::now() - begin).count();
}
double median(std::vector<double>& values) {
    auto const middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
    std::nth_element(values.begin(), middle, values.end());
    return *middle;
}

/// `body` does what is measured `times` times.
template <class Body>
void beyond_an_empty_thread(benchmark::State& state, Body body, std::size_t times = 1) {
    on_one_core const stay;
    std::size_t const threads = work(2'000, 50);
    std::vector<double> with(threads), without(threads);
    for (auto _ : state) {
        for (std::size_t i = 0; i < threads; ++i) {
            with[i] = nanoseconds_of_a_thread(body);
            without[i] = nanoseconds_of_a_thread([] {});
        }
        double const difference = std::max(median(with) - median(without), 1.0);
        state.SetIterationTime(difference * 1e-9 * static_cast<double>(threads));
    }
    state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(threads * times));
}

void attach(benchmark::State& state) {
    std::array<framealloc::smart_alloc, 8> instances;
    beyond_an_empty_thread(
        state,
        [&] {
            for (framealloc::smart_alloc& alloc : instances) benchmark::DoNotOptimize(alloc.attach_thread());
        },
        instances.size());
}
void attach_and_use(benchmark::State& state) {
    framealloc::smart_alloc alloc;
    beyond_an_empty_thread(state, [&] {
        alloc.begin_frame();
        benchmark::DoNotOptimize(alloc.frame_alloc(block));
        void* const p = alloc.pool_alloc(block);
        benchmark::DoNotOptimize(p);
        alloc.pool_free(p, block);
        alloc.end_frame();
    });
}
template <class Malloc, std::size_t Blocks>
void allocate(benchmark::State& state) {
    beyond_an_empty_thread(state, [] {
        void* taken[Blocks];
        for (void*& p : taken) benchmark::DoNotOptimize(p = Malloc::allocate(block.bytes));
        for (void* const p : taken) Malloc::free(p);
    });
}

bool add_all() {
    // A fixed number of turns: how often one is repeated must not depend on how small the difference comes out.
    auto const the_difference = [](benchmark::internal::Benchmark* b) { b->UseManualTime()->Iterations(1); };
    the_difference(compare::add("attach_detach", "framealloc", attach));
    compare::add_mallocs(
        "attach_detach", []<class Malloc>(benchmark::State& state) { allocate<Malloc, 1>(state); }, the_difference);
    the_difference(compare::add("attach_use_detach", "framealloc", attach_and_use));
    compare::add_mallocs(
        "attach_use_detach", []<class Malloc>(benchmark::State& state) { allocate<Malloc, 2>(state); }, the_difference);
    return true;
}
[[maybe_unused]] bool const added = add_all();

}  // namespace
