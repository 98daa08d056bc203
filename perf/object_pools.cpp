// SPDX-License-Identifier: MIT OR Apache-2.0

// Objects of 64 bytes, made and ended on one thread. An item is one pair: the object's constructor, which writes 8 bytes, its
// destructor, which does nothing, and who has the memory.
//
//   object_pool_1_alive          the same object again and again
//   object_pool_N_alive          N are made, and then ended in reverse order
//   object_pool_N_random         N are alive; a turn ends half of them, in random order, and makes as many others
//
// `framealloc` is a fixed_pool, whose free slots' addresses lie on a stack; `framealloc_bitmap` is one with a bit per slot, which
// gives out the lowest. `framealloc_any_size` are the allocator's pools, which serve any size and any thread. Of the peers,
// boost::pool hands out bytes, boost::object_pool keeps its free list in the order of addresses, and walks it to end an object.

#include "support/object_pools.hpp"
#include "support/opaque.hpp"
#include "support/random.hpp"

#include <vector>

namespace {

using object_pools::object;

/// The pairs in a loop of their own, because the benchmark's own loop would cost as much.
constexpr int pairs = 1000;

[[gnu::always_inline]] inline object* hidden(object* o) { return static_cast<object*>(opaque(o)); }

// The loops are functions of their own, so that each stands alone and has a reference to what it uses, as in a program.

template <class Pool>
[[gnu::noinline]] void again_and_again(Pool& pool) {
    for (int i = 0; i < pairs; ++i) {
        pool.end(hidden(pool.make(1)));
        benchmark::ClobberMemory();
    }
}
constexpr auto one_alive = []<class Pool>(benchmark::State& state) {
    Pool pool{std::size_t{1}};
    again_and_again(pool);
    for (auto _ : state) again_and_again(pool);
    state.SetItemsProcessed(state.iterations() * pairs);
};

template <class Pool>
[[gnu::noinline]] void fill_and_empty(Pool& pool, object** objects, std::size_t live) {
    for (std::size_t i = 0; i < live; ++i) objects[i] = hidden(pool.make(i));
    for (std::size_t i = live; i > 0; --i) {
        pool.end(objects[i - 1]);
        benchmark::ClobberMemory();
    }
}
template <class Pool>
void last_in_first_out(benchmark::State& state, std::size_t live) {
    Pool pool{live};
    std::vector<object*> kept(live);
    for (int warm = 0; warm < 3; ++warm) fill_and_empty(pool, kept.data(), live);
    for (auto _ : state) fill_and_empty(pool, kept.data(), live);
    state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(live));
}

/// The places of `Live` objects in random order, a few times over: the first half of each is what a turn replaces.
template <std::size_t Live>
std::vector<std::vector<std::uint32_t>> shuffled() {
    constexpr std::size_t orders = 16;
    fixed_random random;
    std::vector<std::vector<std::uint32_t>> drawn(orders, std::vector<std::uint32_t>(Live));
    for (std::vector<std::uint32_t>& order : drawn) {
        for (std::size_t i = 0; i < Live; ++i) {
            std::size_t const other = random.between(0, i);
            order[i] = order[other];
            order[other] = static_cast<std::uint32_t>(i);
        }
        order.resize(Live / 2);
    }
    return drawn;
}
template <class Pool>
[[gnu::noinline]] void replace(Pool& pool, object** objects, std::uint32_t const* first, std::uint32_t const* last) {
    for (std::uint32_t const* at = first; at != last; ++at) {
        pool.end(objects[*at]);
        benchmark::ClobberMemory();
    }
    for (std::uint32_t const* at = first; at != last; ++at) objects[*at] = hidden(pool.make(*at));
}
template <class Pool, std::size_t Live>
void random_order(benchmark::State& state) {
    static std::vector<std::vector<std::uint32_t>> const orders = shuffled<Live>();
    Pool pool{Live};
    std::vector<object*> kept(Live);
    for (object*& o : kept) o = pool.make(0);
    std::size_t next = 0;
    auto const turn = [&] {
        std::vector<std::uint32_t> const& order = orders[next++ % orders.size()];
        replace(pool, kept.data(), order.data(), order.data() + order.size());
    };
    for (std::size_t warm = 0; warm < orders.size(); ++warm) turn();
    for (auto _ : state) turn();
    for (object* const o : kept) pool.end(o);
    state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(Live / 2));
}

template <std::size_t Live>
void add() {
    std::string const workload = "object_pool_" + std::to_string(Live);
    object_pools::add_all(workload + "_alive",
                          []<class Pool>(benchmark::State& state) { last_in_first_out<Pool>(state, Live); });
    object_pools::add_all(workload + "_random",
                          []<class Pool>(benchmark::State& state) { random_order<Pool, Live>(state); });
}

[[maybe_unused]] bool const registered = [] {
    object_pools::add_all("object_pool_1_alive", one_alive);
    add<100>();
    add<10'000>();
    return true;
}();

}  // namespace
