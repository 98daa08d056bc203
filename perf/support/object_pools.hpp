// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include "compare.hpp"
#include "limits.hpp"

#include <framealloc/object_pool/fixed_pool.hpp>
#include <framealloc/object_pool/growing_pool.hpp>
#include <framealloc/object_pool/slots/bitmap.hpp>
#include <framealloc/object_pool/static_pool.hpp>
#include <framealloc/smart_alloc.hpp>

#include <cstddef>
#include <cstdint>
#include <memory_resource>
#include <new>

#ifdef FRAMEALLOC_PERF_BOOST
#include <boost/pool/object_pool.hpp>
#include <boost/pool/pool.hpp>
#endif

// Who makes objects of one type for one thread, and ends them, in one shape: `make(n)` and `end(object)`. Each is made for a
// number of objects, which those that grow need not know. All construct the object and destroy it; where memory comes from
// somebody who serves bytes, placement new and a call of the destructor do.

namespace object_pools {

/// 64 bytes, of which the constructor writes the first 8.
struct object {
    explicit object(std::uint64_t n) noexcept : number(n) {}
    std::uint64_t number;
    unsigned char rest[56];
};
static_assert(sizeof(object) == 64);

[[gnu::always_inline]] inline object* made(void* place, std::uint64_t n) { return ::new (place) object(n); }

/// A free list: what one writes by hand for one place.
struct limit {
    limits::blocks blocks;
    limits::free_list list;
    explicit limit(std::size_t count) : blocks(count, sizeof(object)), list(blocks.list()) {}
    [[gnu::always_inline]] object* make(std::uint64_t n) { return made(list.take(), n); }
    [[gnu::always_inline]] void end(object* o) { list.give(o); }
};

template <class Pool>
struct ours {
    Pool pool;
    explicit ours(std::size_t count) : pool(count) {}
    [[gnu::always_inline]] object* make(std::uint64_t n) { return pool.allocate(n); }
    [[gnu::always_inline]] void end(object* o) { pool.free(o); }
};
using fixed = ours<framealloc::fixed_pool<object>>;
using growing = ours<framealloc::growing_pool<object>>;
using bitmap = ours<framealloc::fixed_pool<object, framealloc::slots::bitmap>>;

/// In static storage, as programs have it, with room for all workloads.
struct in_place {
    static constexpr std::size_t most = 10'000;
    static inline framealloc::static_pool<object, most> pool{};
    explicit in_place(std::size_t count) {
        if (count > most) limits::used_up();
    }
    [[gnu::always_inline]] object* make(std::uint64_t n) { return pool.allocate(n); }
    [[gnu::always_inline]] void end(object* o) { pool.free(o); }
};

/// The allocator's pools, which serve any size.
struct any_size {
    framealloc::smart_alloc alloc;
    explicit any_size(std::size_t) {}
    [[gnu::always_inline]] object* make(std::uint64_t n) { return made(alloc.pool_alloc<object>(), n); }
    [[gnu::always_inline]] void end(object* o) { alloc.pool_free<object>(o); }
};

struct pmr {
    std::pmr::unsynchronized_pool_resource resource;
    explicit pmr(std::size_t) {}
    [[gnu::always_inline]] object* make(std::uint64_t n) {
        return made(resource.allocate(sizeof(object), alignof(object)), n);
    }
    [[gnu::always_inline]] void end(object* o) { resource.deallocate(o, sizeof(object), alignof(object)); }
};

template <class Malloc>
struct general {
    explicit general(std::size_t) {}
    object* make(std::uint64_t n) {
        void* const p = Malloc::allocate(sizeof(object));
        asm volatile("" : : "r"(p) : "memory");  // compilers know malloc, and remove a pair that nobody else sees
        return made(p, n);
    }
    void end(object* o) { Malloc::free(o); }
};

#ifdef FRAMEALLOC_PERF_BOOST
struct boost_pool {
    boost::pool<> pool;
    explicit boost_pool(std::size_t count) : pool(sizeof(object), count) {}
    [[gnu::always_inline]] object* make(std::uint64_t n) { return made(pool.malloc(), n); }
    [[gnu::always_inline]] void end(object* o) { pool.free(o); }
};
struct boost_object_pool {
    boost::object_pool<object> pool;
    explicit boost_object_pool(std::size_t) {}
    [[gnu::always_inline]] object* make(std::uint64_t n) { return pool.construct(n); }
    [[gnu::always_inline]] void end(object* o) { pool.destroy(o); }
};
#endif

inline void add_missing_boost(std::string const& workload, char const* contender) {
    compare::add(workload, contender, [](benchmark::State& state) {
        state.SkipWithError(
            "Boost was not there when this was built: install the package libboost1.81-dev and configure again");
    });
}

template <class Pool, class Run>
void add(std::string const& workload, char const* contender, Run run) {
    compare::add(workload, contender, [run](benchmark::State& state) { run.template operator()<Pool>(state); });
}

/// Registers everybody: `run.template operator()<Pool>(state)`.
template <class Run>
void add_all(std::string const& workload, Run run) {
    add<limit>(workload, "limit", run);
    add<fixed>(workload, "framealloc", run);
    add<growing>(workload, "framealloc_growing", run);
    add<in_place>(workload, "framealloc_static", run);
    add<bitmap>(workload, "framealloc_bitmap", run);
    add<any_size>(workload, "framealloc_any_size", run);
#ifdef FRAMEALLOC_PERF_BOOST
    add<boost_pool>(workload, "boost_pool", run);
    add<boost_object_pool>(workload, "boost_object_pool", run);
#else
    add_missing_boost(workload, "boost_pool");
    add_missing_boost(workload, "boost_object_pool");
#endif
    add<pmr>(workload, "pmr", run);
    compare::add_mallocs(
        workload, [run]<class Malloc>(benchmark::State& state) { run.template operator()<general<Malloc>>(state); });
}

}  // namespace object_pools
