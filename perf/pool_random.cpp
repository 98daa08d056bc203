// SPDX-License-Identifier: MIT OR Apache-2.0

// 10,000 blocks of 16 to 1,024 bytes alive on one thread; each turn replaces one of them, drawn at random. An item is one
// pair. Nothing is written into the blocks; free lists that lie in the blocks write their links. The limit and foonathan
// have a list per power of two, `framealloc_fine` four to each.

#include "support/opaque.hpp"
#include "support/pool_contenders.hpp"
#include "support/random.hpp"

#include <vector>

namespace {

constexpr std::size_t live = 10'000;
constexpr std::size_t largest = 1024;
constexpr std::size_t turns = std::size_t{1} << 16;  // then the same ones again

struct replacement {
    std::uint32_t place;
    std::uint32_t bytes;
};
std::vector<replacement> draw() {
    fixed_random random;
    std::vector<replacement> drawn(turns);
    for (replacement& r : drawn) {
        r.place = static_cast<std::uint32_t>(random.between(0, live - 1));
        r.bytes = static_cast<std::uint32_t>(random.between(16, largest));
    }
    return drawn;
}

struct block {
    void* at;
    std::size_t bytes;
};

constexpr auto random_order = []<class Pool>(benchmark::State& state) {
    static std::vector<replacement> const plan = draw();
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
};

[[maybe_unused]] bool const registered = [] {
    constexpr char const* workload = "pool_random";
    pools::add_all(workload, random_order);
    pools::add<pools::fine>(workload, "framealloc_fine", random_order);
#ifdef FRAMEALLOC_PERF_FOONATHAN
    pools::add<peers::foonathan_collection<largest>>(workload, "foonathan", random_order);
#else
    peers::add_missing_foonathan(workload);
#endif
    return true;
}();

}  // namespace
