// SPDX-License-Identifier: MIT OR Apache-2.0

// One block of 64 bytes, allocated and freed again and again on one thread. An item is one pair. Nothing is written into
// the block; free lists that lie in the blocks write their links. boost::pool and foonathan's pool serve no other size.

#include "support/opaque.hpp"
#include "support/pool_contenders.hpp"

namespace {

/// The pairs in a loop of their own, because the benchmark's own loop would cost as much.
constexpr int pairs = 1000;

constexpr auto one_alive = []<class Pool>(benchmark::State& state) {
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
};

[[maybe_unused]] bool const registered = [] {
    pools::add_all("pool_one_alive", one_alive);
    pools::add_pools_of_one_size<64, 1>("pool_one_alive", one_alive);
    return true;
}();

}  // namespace
