// SPDX-License-Identifier: MIT OR Apache-2.0

// 100 and 10,000 blocks of 64 bytes, allocated and then freed in reverse order, on one thread. An item is one pair. Nothing
// is written into the blocks; free lists that lie in the blocks write their links. boost::pool and foonathan's pool serve
// no other size.

#include "support/opaque.hpp"
#include "support/pool_contenders.hpp"

#include <vector>

namespace {

template <class Pool>
void last_in_first_out(benchmark::State& state, std::size_t live) {
    Pool pool;
    auto from = pool.source();
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
    state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(live));
}

template <std::size_t Live>
void add(char const* workload) {
    auto const run = []<class Pool>(benchmark::State& state) { last_in_first_out<Pool>(state, Live); };
    pools::add_all(workload, run);
    pools::add_pools_of_one_size<64, Live>(workload, run);
}

[[maybe_unused]] bool const registered = [] {
    add<100>("pool_100_alive");
    add<10'000>("pool_10000_alive");
    return true;
}();

}  // namespace
