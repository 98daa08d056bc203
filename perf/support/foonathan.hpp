// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include "compare.hpp"

#include <cstddef>
#include <string>

// foonathan/memory, in the shapes of frames.hpp and pools.hpp, where the build found it. Each is for one thread.

#ifdef FRAMEALLOC_PERF_FOONATHAN

#include <foonathan/memory/memory_pool.hpp>
#include <foonathan/memory/memory_pool_collection.hpp>
#include <foonathan/memory/memory_stack.hpp>

namespace peers {

/// Frames: one block with room for all of it, and a marker where the frame began.
template <std::size_t Room>
struct foonathan_stack {
    using stack = ::foonathan::memory::memory_stack<>;
    stack memory{stack::min_block_size(Room)};

    struct source {
        stack& memory;
        template <std::size_t Bytes, std::size_t Align>
        [[gnu::always_inline]] void* take() {
            return memory.allocate(Bytes, Align);
        }
        [[gnu::always_inline]] void* take(std::size_t bytes, std::size_t align) {
            return memory.allocate(bytes, align);
        }
    };
    template <class Body>
    [[gnu::always_inline]] void frame(Body&& body) {
        auto const before = memory.top();
        source from{memory};
        body(from);
        memory.unwind(before);
    }
};

/// Blocks of one size, `Count` of them in the first piece of memory.
template <std::size_t Bytes, std::size_t Count>
struct foonathan_pool {
    using pool = ::foonathan::memory::memory_pool<>;
    pool memory{Bytes, pool::min_block_size(Bytes, Count)};

    struct from {
        pool& memory;
        template <std::size_t Size>
        [[gnu::always_inline]] void* take() {
            static_assert(Size == Bytes);
            return memory.allocate_node();
        }
        template <std::size_t Size>
        [[gnu::always_inline]] void give(void* p) {
            static_assert(Size == Bytes);
            memory.deallocate_node(p);
        }
    };
    from source() { return {memory}; }
};

/// Blocks of up to `Most` bytes: a list per power of two, as the limit has it.
template <std::size_t Most>
struct foonathan_collection {
    using pools =
        ::foonathan::memory::memory_pool_collection<::foonathan::memory::node_pool, ::foonathan::memory::log2_buckets>;
    pools memory{Most, std::size_t{4} << 20};

    struct from {
        pools& memory;
        [[gnu::always_inline]] void* take(std::size_t bytes) { return memory.allocate_node(bytes); }
        [[gnu::always_inline]] void give(void* p, std::size_t bytes) { memory.deallocate_node(p, bytes); }
    };
    from source() { return {memory}; }
};

}  // namespace peers

#else

namespace peers {

inline void add_missing_foonathan(std::string const& workload) {
    compare::add(workload, "foonathan", [](benchmark::State& state) {
        state.SkipWithError(
            "foonathan/memory was not there when this was built: install the package "
            "libfoonathan-memory-dev and configure again with CMake");
    });
}

}  // namespace peers

#endif
