// SPDX-License-Identifier: MIT OR Apache-2.0

// What an allocator of many nodes costs beside one instance, on a machine of any kind: the nodes are made up, and nobody is
// asked to place anything. What it gains can only be measured where there are several nodes.

#include <framealloc/numa_alloc.hpp>

#include <benchmark/benchmark.h>

namespace {

constexpr framealloc::layout block{.bytes = 64, .align = 16};

struct made_up_nodes {
    unsigned count;
    [[nodiscard]] framealloc::node_set nodes() const noexcept {
        framealloc::node_set all;
        for (unsigned n = 0; n < count; ++n) all = all.with(n);
        return all;
    }
    [[nodiscard]] unsigned current_node() const noexcept { return 0; }
};
struct asks_nobody {
    [[nodiscard]] bool prefer(void*, std::size_t, framealloc::node_set const&) const noexcept { return true; }
    [[nodiscard]] bool interleave(void*, std::size_t, framealloc::node_set const&) const noexcept { return true; }
};
using many_nodes = framealloc::basic_numa_alloc<
    framealloc::basic_smart_alloc<framealloc::backend::basic_numa<made_up_nodes, asks_nobody>>, made_up_nodes>;

void pair_on_one_instance(benchmark::State& state) {
    framealloc::smart_alloc alloc;
    for (auto _ : state) {
        void* const p = alloc.pool_alloc(block);
        benchmark::DoNotOptimize(p);
        alloc.pool_free(p, block);
    }
}

/// The argument is the number of nodes; the blocks are those of the last one, which is looked at last.
void pair_that_goes_home(benchmark::State& state) {
    auto const nodes = static_cast<unsigned>(state.range(0));
    many_nodes alloc{{}, made_up_nodes{nodes}};
    auto& last = alloc.on_node(nodes - 1);
    for (auto _ : state) {
        void* const p = last.pool_alloc(block);
        benchmark::DoNotOptimize(p);
        alloc.pool_free(p, block);
    }
}

void pair_of_the_own_node(benchmark::State& state) {
    many_nodes alloc{{}, made_up_nodes{static_cast<unsigned>(state.range(0))}};
    for (auto _ : state) {
        void* const p = alloc.here().pool_alloc(block);
        benchmark::DoNotOptimize(p);
        alloc.pool_free(p, block);
    }
}

/// One order to the system, for 64 KiB that have not been touched; on Linux, and where it is not refused.
void order_for_a_slab(benchmark::State& state) {
    framealloc::backend::virtual_memory pages;
    framealloc::layout const slab{.bytes = std::size_t{64} << 10, .align = std::size_t{64} << 10};
    void* const p = pages.try_allocate(slab);
    auto const here = framealloc::node_set{}.with(framealloc::system_numa{}.current_node());
    bool taken = p != nullptr;
    for (auto _ : state) taken = framealloc::system_numa_binder{}.prefer(p, slab.bytes, here) && taken;
    if (!taken) state.SkipWithError("the system refuses to place memory");
    pages.deallocate(p, slab);
}

void frame_of_many_nodes(benchmark::State& state) {
    framealloc::numa_alloc<> alloc;
    for (auto _ : state) {
        alloc.begin_frame();
        alloc.end_frame();
    }
}
void frame_of_one_instance(benchmark::State& state) {
    framealloc::smart_alloc alloc;
    for (auto _ : state) {
        alloc.begin_frame();
        alloc.end_frame();
    }
}

BENCHMARK(pair_on_one_instance)->Name("numa/pair/one_instance");
BENCHMARK(pair_of_the_own_node)->Name("numa/pair/own_node")->Arg(2)->Arg(8);
BENCHMARK(pair_that_goes_home)->Name("numa/pair/last_node")->Arg(2)->Arg(8);
BENCHMARK(frame_of_one_instance)->Name("numa/frame/one_instance");
BENCHMARK(frame_of_many_nodes)->Name("numa/frame/here");
BENCHMARK(order_for_a_slab)->Name("numa/order_for_64_KiB");

}  // namespace
