// SPDX-License-Identifier: MIT OR Apache-2.0

// From what names an object to one of its bytes: 1,000 or 100,000 objects of 64 bytes, in an order drawn at random. An item is
// one object. All of them are there; in `_half_gone` every second name is stale, and says so (a pointer cannot).
//
//   pointers            an array of plain pointers: the limit
//   framealloc          handles, resolved through the heap
//   framealloc_pinned   each object pinned, read and unpinned: for use while another thread may move it
//   flat_hash_map       numbers, looked up in absl::flat_hash_map
//   std_map             numbers, looked up in std::map

#include "support/random.hpp"

#include <framealloc/handle/handle_heap.hpp>

#include <benchmark/benchmark.h>

#ifdef FRAMEALLOC_PERF_ABSL
#include <absl/container/flat_hash_map.h>
#endif

#include <map>
#include <memory>
#include <utility>
#include <vector>

namespace {

struct item {
    unsigned char bytes[64];
};

template <class T>
void shuffle(std::vector<T>& all) {
    fixed_random random;
    for (std::size_t i = all.size(); i > 1; --i) std::swap(all[i - 1], all[random.between(0, i - 1)]);
}

/// Objects that know their names; `find(name)` answers null for one that has gone.
struct pointers {
    using name = item*;
    std::vector<std::unique_ptr<item>> owners;
    name add() { return owners.emplace_back(new item{}).get(); }
    void remove(name) {}
    item* find(name p) const { return p; }
};
struct by_handles {
    using name = framealloc::handle<item>;
    framealloc::smart_alloc alloc;
    framealloc::handle_allocator<> owner{alloc};
    framealloc::handle_allocator<>::heap_type& heap = *owner;
    name add() { return heap.make<item>(); }
    void remove(name h) { heap.free(h); }
    item* find(name h) const { return heap.resolve(h); }
};
template <class Map>
struct by_numbers {
    using name = std::uint64_t;
    Map map;
    name next = 0;
    name add() {
        map.emplace(next, new item{});
        return next++;
    }
    void remove(name n) {
        delete map.find(n)->second;
        map.erase(n);
    }
    item* find(name n) const {
        auto const found = map.find(n);
        return found != map.end() ? found->second : nullptr;
    }
    ~by_numbers() {
        for (auto const& [n, object] : map) delete object;
    }
};

template <class Objects>
void resolve(benchmark::State& state, bool half_gone) {
    Objects objects;
    std::vector<typename Objects::name> names;
    for (std::int64_t i = 0; i < state.range(0); ++i) names.push_back(objects.add());
    shuffle(names);
    for (std::size_t i = 0; half_gone && i < names.size(); i += 2) objects.remove(names[i]);
    shuffle(names);
    for (auto _ : state) {
        unsigned sum = 0;
        for (auto const n : names) {
            if (item const* const p = objects.find(n)) sum += p->bytes[0];
        }
        benchmark::DoNotOptimize(sum);
    }
    state.SetItemsProcessed(state.iterations() * state.range(0));
}
template <class Objects>
void resolve_all(benchmark::State& state) {
    resolve<Objects>(state, false);
}
template <class Objects>
void resolve_half_gone(benchmark::State& state) {
    resolve<Objects>(state, true);
}
void pin_all(benchmark::State& state) {
    by_handles objects;
    std::vector<by_handles::name> names;
    for (std::int64_t i = 0; i < state.range(0); ++i) names.push_back(objects.add());
    shuffle(names);
    for (auto _ : state) {
        unsigned sum = 0;
        for (auto const h : names) sum += objects.heap.pinned(h)->bytes[0];
        benchmark::DoNotOptimize(sum);
    }
    state.SetItemsProcessed(state.iterations() * state.range(0));
}
template <class Objects>
void make_and_free(benchmark::State& state) {
    Objects objects;
    std::vector<typename Objects::name> names;
    for (std::int64_t i = 0; i < state.range(0); ++i) names.push_back(objects.add());
    fixed_random random;
    for (auto _ : state) {
        auto& n = names[random.between(0, names.size() - 1)];
        objects.remove(n);
        n = objects.add();
    }
    state.SetItemsProcessed(state.iterations());
}

using by_tree = by_numbers<std::map<std::uint64_t, item*>>;

BENCHMARK(resolve_all<pointers>)->Name("handle_resolve/pointers")->Arg(1000)->Arg(100'000);
BENCHMARK(resolve_all<by_handles>)->Name("handle_resolve/framealloc")->Arg(1000)->Arg(100'000);
BENCHMARK(pin_all)->Name("handle_resolve/framealloc_pinned")->Arg(1000)->Arg(100'000);
BENCHMARK(resolve_all<by_tree>)->Name("handle_resolve/std_map")->Arg(1000)->Arg(100'000);
BENCHMARK(resolve_half_gone<by_handles>)->Name("handle_resolve_half_gone/framealloc")->Arg(1000)->Arg(100'000);
BENCHMARK(resolve_half_gone<by_tree>)->Name("handle_resolve_half_gone/std_map")->Arg(1000)->Arg(100'000);
BENCHMARK(make_and_free<by_handles>)->Name("handle_make_free/framealloc")->Arg(10'000);
BENCHMARK(make_and_free<by_tree>)->Name("handle_make_free/std_map")->Arg(10'000);
#ifdef FRAMEALLOC_PERF_ABSL
using by_hash = by_numbers<absl::flat_hash_map<std::uint64_t, item*>>;
BENCHMARK(resolve_all<by_hash>)->Name("handle_resolve/flat_hash_map")->Arg(1000)->Arg(100'000);
BENCHMARK(resolve_half_gone<by_hash>)->Name("handle_resolve_half_gone/flat_hash_map")->Arg(1000)->Arg(100'000);
BENCHMARK(make_and_free<by_hash>)->Name("handle_make_free/flat_hash_map")->Arg(10'000);
#endif

}  // namespace
