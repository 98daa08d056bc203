// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include "measure.hpp"

#include "support/mallocs.hpp"

#include <cstddef>
#include <cstdio>
#include <memory_resource>
#include <string>

#ifdef FRAMEALLOC_PERF_BOOST
#include <boost/pool/pool.hpp>
#endif
#ifdef FRAMEALLOC_PERF_FOONATHAN
#include <foonathan/memory/memory_pool.hpp>
#include <foonathan/memory/memory_stack.hpp>
#endif

// What 64 bytes cost elsewhere, one block alive. A pair is one allocation and one free; the frames are not ended. All of it
// is static, so that the compiler sees every call and makes of the peers what it makes of the library.

namespace peers {

inline constexpr std::size_t block = 64;
inline constexpr std::size_t frame_bytes = measure::many * block + 4096;

static void left_out(std::string const& who, std::string const& why) {
    std::fprintf(stderr, "instructions: %s is left out: %s\n", who.c_str(), why.c_str());
}

/// `step` takes and gives back a block; what it takes from is warm when it is counted.
template <class Context, class Step>
static void pair(std::string const& name, Context& context, Step step) {
    measure::repeat(8, context, step);
    measure::both_lengths(name.c_str(), [] {}, [&](std::size_t n) { measure::repeat(n, context, step); }, [] {});
}

static void general() {
    mallocs::for_each([]<class Malloc>() {
        if (!Malloc::is_here()) return left_out(Malloc::name, Malloc::why_not());
        void* nothing = nullptr;
        pair(std::string{"peer/"} + Malloc::name + "_pair", nothing, [](void*&) {
            void* const p = Malloc::allocate(block);
            measure::use(p);
            Malloc::free(p);
            measure::forget();
        });
    });
}

static void standard() {
    // Made where it is used, so that the compiler knows which function the virtual call reaches.
    alignas(64) static std::byte buffer[frame_bytes];
    auto const fill = [](std::size_t n) {
        std::pmr::monotonic_buffer_resource frame{buffer, sizeof buffer, std::pmr::null_memory_resource()};
        measure::repeat(n, frame, [](auto& from) { measure::use(from.allocate(block, 16)); });
    };
    measure::both_lengths("peer/pmr_monotonic", [] {}, fill, [] {});
    std::pmr::unsynchronized_pool_resource pool;
    pair("peer/pmr_pool_pair", pool, [](auto& from) {
        void* const p = from.allocate(block, 16);
        measure::use(p);
        from.deallocate(p, block, 16);
        measure::forget();
    });
}

static void boost_pool() {
#ifdef FRAMEALLOC_PERF_BOOST
    boost::pool<> pool{block};
    pair("peer/boost_pool_pair", pool, [](auto& from) {
        void* const p = from.malloc();
        measure::use(p);
        from.free(p);
        measure::forget();
    });
#else
    left_out("boost::pool", "install the package libboost1.81-dev");
#endif
}

static void foonathan() {
#ifdef FRAMEALLOC_PERF_FOONATHAN
    using stack = ::foonathan::memory::memory_stack<>;
    using pool = ::foonathan::memory::memory_pool<>;
    stack frames{stack::min_block_size(frame_bytes)};
    auto const begin = frames.top();
    auto const fill = [&](std::size_t n) {
        measure::repeat(n, frames, [](auto& from) { measure::use(from.allocate(block, 16)); });
    };
    measure::both_lengths("peer/foonathan_stack", [] {}, fill, [&] { frames.unwind(begin); });
    pool blocks{block, pool::min_block_size(block, 64)};
    pair("peer/foonathan_pool_pair", blocks, [](auto& from) {
        void* const p = from.allocate_node();
        measure::use(p);
        from.deallocate_node(p);
        measure::forget();
    });
#else
    left_out("foonathan/memory", "install the package libfoonathan-memory-dev");
#endif
}

static void all() {
    general();
    standard();
    boost_pool();
    foonathan();
}

}  // namespace peers
