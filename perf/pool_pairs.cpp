// SPDX-License-Identifier: MIT OR Apache-2.0

// Blocks allocated and freed on one thread. An item is one pair.
//
// `last_in_first_out`: 64-byte blocks, as many alive at once as the number says, freed in reverse order.
// `random_order`: 10,000 blocks of 16 to 1,024 bytes alive; each turn replaces one of them, drawn at random.
// Nothing is written into the blocks; the free lists of the limit write their links.

#include "support/pools.hpp"
#include "support/random.hpp"

#include <vector>

namespace {

[[gnu::always_inline]] inline void* opaque(void* p) {
    asm volatile("" : "+r"(p) : : "memory");
    return p;
}

template <class Pool>
void last_in_first_out(benchmark::State& state) {
    Pool pool;
    auto from = pool.source();
    auto const live = static_cast<std::size_t>(state.range(0));
    std::vector<void*> kept(live);
    void** const blocks = kept.data();
    auto const turn = [&]() __attribute__((always_inline)) {
        for (std::size_t i = 0; i < live; ++i) blocks[i] = opaque(from.template take<64>());
        for (std::size_t i = live; i > 0; --i) from.template give<64>(blocks[i - 1]);
    };
    for (int warm = 0; warm < 3; ++warm) turn();
    for (auto _ : state) {
        turn();
        benchmark::ClobberMemory();
    }
    state.SetItemsProcessed(state.iterations() * state.range(0));
}
/// One block alive: the pair in a loop of its own, because the benchmark's own loop would cost as much.
template <class Pool>
void one_alive(benchmark::State& state) {
    constexpr int pairs = 1000;
    Pool pool;
    auto from = pool.source();
    from.template give<64>(from.template take<64>());
    for (auto _ : state) {
        for (int i = 0; i < pairs; ++i) {
            from.template give<64>(opaque(from.template take<64>()));
            benchmark::ClobberMemory();
        }
    }
    state.SetItemsProcessed(state.iterations() * pairs);
}

struct replacement {
    std::uint32_t place;
    std::uint32_t bytes;
};

template <class Pool>
void random_order(benchmark::State& state) {
    constexpr std::size_t live = 10'000;
    constexpr std::size_t turns = std::size_t{1} << 16;
    static std::vector<replacement> const plan = [] {
        fixed_random random;
        std::vector<replacement> drawn(turns);
        for (replacement& r : drawn) {
            r.place = static_cast<std::uint32_t>(random.between(0, live - 1));
            r.bytes = static_cast<std::uint32_t>(random.between(16, 1024));
        }
        return drawn;
    }();

    struct block {
        void* at;
        std::size_t bytes;
    };
    Pool pool;
    auto from = pool.source();
    std::vector<block> kept(live);
    for (std::size_t i = 0; i < live; ++i) kept[i] = {from.take(plan[i].bytes), plan[i].bytes};
    std::size_t next = 0;
    for (auto _ : state) {
        replacement const r = plan[next++ % turns];
        block& b = kept[r.place];
        from.give(b.at, b.bytes);
        b = {opaque(from.take(r.bytes)), r.bytes};
    }
    for (block const& b : kept) from.give(b.at, b.bytes);
    state.SetItemsProcessed(state.iterations());
}

template <class Malloc>
void last_in_first_out_of(benchmark::State& state) {
    if (Malloc::is_here(state)) last_in_first_out<pools::through_malloc<Malloc>>(state);
}
template <class Malloc>
void one_alive_of(benchmark::State& state) {
    if (Malloc::is_here(state)) one_alive<pools::through_malloc<Malloc>>(state);
}
template <class Malloc>
void random_order_of(benchmark::State& state) {
    if (Malloc::is_here(state)) random_order<pools::through_malloc<Malloc>>(state);
}

#define EACH_POOL(workload, ...)                                      \
    BENCHMARK_TEMPLATE(workload, pools::limit) __VA_ARGS__;           \
    BENCHMARK_TEMPLATE(workload, pools::thread_limit) __VA_ARGS__;    \
    BENCHMARK_TEMPLATE(workload, pools::local) __VA_ARGS__;           \
    BENCHMARK_TEMPLATE(workload, pools::single_threaded) __VA_ARGS__; \
    BENCHMARK_TEMPLATE(workload, pools::object) __VA_ARGS__;          \
    BENCHMARK_TEMPLATE(workload, pools::by_address) __VA_ARGS__;      \
    BENCHMARK_TEMPLATE(workload, pools::checked) __VA_ARGS__;         \
    BENCHMARK_TEMPLATE(workload, pools::pmr_pool) __VA_ARGS__;        \
    BENCHMARK_TEMPLATE(workload##_of, general::mimalloc) __VA_ARGS__; \
    BENCHMARK_TEMPLATE(workload##_of, general::glibc) __VA_ARGS__

EACH_POOL(one_alive);
EACH_POOL(last_in_first_out, ->Arg(100)->Arg(10'000));
EACH_POOL(random_order);

}  // namespace
