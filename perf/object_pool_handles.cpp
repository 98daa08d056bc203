// SPDX-License-Identifier: MIT OR Apache-2.0

// Owners of objects of 64 bytes, and objects that stay constructed, on one thread of a program that has several.
//
//   object_pool_shared_copy    an item is a copy of an owner and its end, while another one stays
//   object_pool_make_shared    an item is an object with one owner, from its making to its end
//   object_pool_lock_weak      an item is an upgrade of a weak handle, and the end of the owner that comes of it
//   object_pool_kept           an item is one use of an object that has a buffer of 1,000 bytes, which is written: `framealloc` keeps
//                              the object and its buffer between uses, `framealloc_constructing` constructs it each time in a slot,
//                              `new` anywhere
//
// `framealloc` has an atomic count beside each object, `framealloc_local` one for a single thread. `std` is std::shared_ptr.

#include "support/compare.hpp"
#include "support/object_pools.hpp"

#include <framealloc/object_pool/fixed_pool.hpp>

#include <memory>
#include <string>
#include <thread>

namespace {

using object_pools::object;

constexpr int in_a_turn = 1000;

[[gnu::always_inline]] inline void seen(void const* p) { asm volatile("" : : "r"(p) : "memory"); }

struct standard {
    std::shared_ptr<object> make() { return std::make_shared<object>(1U); }
    static auto weak_of(std::shared_ptr<object> const& o) { return std::weak_ptr<object>{o}; }
};
template <class Sharing>
struct pooled {
    framealloc::fixed_pool<object, Sharing> pool{64};
    using owner = typename framealloc::fixed_pool<object, Sharing>::shared_type;
    owner make() { return pool.make_shared(1U); }
    static auto weak_of(owner const& o) { return typename framealloc::fixed_pool<object, Sharing>::weak_type{o}; }
};

template <class Owner>
[[gnu::noinline]] void copies(Owner const& kept) {
    for (int i = 0; i < in_a_turn; ++i) {
        Owner const other{kept};
        seen(&other);
    }
}
template <class Objects>
[[gnu::noinline]] void makings(Objects& objects) {
    for (int i = 0; i < in_a_turn; ++i) {
        auto const owner = objects.make();
        seen(&owner);
    }
}
template <class Weak>
[[gnu::noinline]] void upgrades(Weak const& weak) {
    for (int i = 0; i < in_a_turn; ++i) {
        auto const owner = weak.lock();
        seen(&owner);
    }
}

template <class Turn>
void repeat(benchmark::State& state, Turn turn) {
    // Standard libraries count without locks until a program has had a second thread.
    static bool const has_had_two_threads = (std::thread{[] {}}.join(), true);
    benchmark::DoNotOptimize(has_had_two_threads);
    turn();
    for (auto _ : state) turn();
    state.SetItemsProcessed(state.iterations() * in_a_turn);
}

template <class Objects>
void add_owners(char const* contender) {
    compare::add("object_pool_shared_copy", contender, [](benchmark::State& state) {
        Objects objects;
        auto const kept = objects.make();
        repeat(state, [&] { copies(kept); });
    });
    compare::add("object_pool_make_shared", contender, [](benchmark::State& state) {
        Objects objects;
        repeat(state, [&] { makings(objects); });
    });
    compare::add("object_pool_lock_weak", contender, [](benchmark::State& state) {
        Objects objects;
        auto const kept = objects.make();
        auto const weak = Objects::weak_of(kept);
        repeat(state, [&] { upgrades(weak); });
    });
}

struct worker {
    std::string buffer;
    worker() { buffer.reserve(1000); }
    void clear() noexcept { buffer.clear(); }
    void work() { buffer.append(1000, 'w'); }
};
using kept = framealloc::initialise::kept<nullptr, [](worker& w) noexcept { w.clear(); }>;

template <class... Policies>
struct from_pool {
    framealloc::fixed_pool<worker, Policies...> pool{64};
    auto make() { return pool.make(); }
};
struct from_new {
    auto make() { return std::make_unique<worker>(); }
};

template <class Workers>
[[gnu::noinline]] void uses(Workers& workers) {
    for (int i = 0; i < in_a_turn; ++i) {
        auto const one = workers.make();
        one->work();
        seen(one.get());
    }
}
template <class Workers>
void add_workers(char const* contender) {
    compare::add("object_pool_kept", contender, [](benchmark::State& state) {
        Workers workers;
        repeat(state, [&] { uses(workers); });
    });
}

[[maybe_unused]] bool const registered = [] {
    add_owners<pooled<framealloc::sharing::atomic>>("framealloc");
    add_owners<pooled<framealloc::sharing::local>>("framealloc_local");
    add_owners<standard>("std");
    add_workers<from_pool<kept>>("framealloc");
    add_workers<from_pool<>>("framealloc_constructing");
    add_workers<from_new>("new");
    return true;
}();

}  // namespace
