// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include "limits.hpp"
#include "shared_blocks.hpp"

#include <framealloc/smart_alloc.hpp>

#include <cstddef>
#include <memory_resource>

// What serves blocks to one thread and takes them back, in the shape of shared_blocks.hpp: `take<Bytes>()` and `give<Bytes>(p)`
// with the size known to the compiler, `take(bytes)` and `give(p, bytes)` with one that it does not know.

namespace pools {

using shared_blocks::checked;
using shared_blocks::fine;
using shared_blocks::local;
using shared_blocks::object;
using shared_blocks::storage;
using shared_blocks::through_malloc;
using single_threaded = shared_blocks::through_object<framealloc::smart_alloc_single_threaded>;

/// Frees by address alone, as a C host does.
struct by_address {
    framealloc::smart_alloc alloc;
    struct from {
        framealloc::smart_alloc& alloc;
        template <std::size_t Bytes>
        void* take() {
            return alloc.pool_alloc<storage<Bytes>>();
        }
        template <std::size_t>
        void give(void* p) {
            alloc.pool_free(p);
        }
        void* take(std::size_t bytes) { return alloc.pool_alloc(framealloc::layout{.bytes = bytes, .align = 16}); }
        void give(void* p, std::size_t) { alloc.pool_free(p); }
    };
    from source() { return {alloc}; }
};

struct pmr_pool {
    std::pmr::unsynchronized_pool_resource resource;
    struct from {
        std::pmr::memory_resource& resource;
        template <std::size_t Bytes>
        void* take() {
            return resource.allocate(Bytes, 16);
        }
        template <std::size_t Bytes>
        void give(void* p) {
            resource.deallocate(p, Bytes, 16);
        }
        void* take(std::size_t bytes) { return resource.allocate(bytes, 16); }
        void give(void* p, std::size_t bytes) { resource.deallocate(p, bytes, 16); }
    };
    from source() { return {resource}; }
};

/// The limits: free lists, in a local variable or behind a thread_local, for blocks of 64 bytes, and one list per power
/// of two for sizes that are not known.
struct limit {
    static constexpr std::size_t lists = 8;  // 16, 32, ... 2048 bytes
    static constexpr std::size_t blocks_each = 12'000;
    limits::blocks storage[lists] = {{blocks_each, 16},  {blocks_each, 32},  {blocks_each, 64},   {blocks_each, 128},
                                     {blocks_each, 256}, {blocks_each, 512}, {blocks_each, 1024}, {blocks_each, 2048}};

    static std::size_t list_for(std::size_t bytes) {
        return bytes <= 16 ? 0 : static_cast<std::size_t>(60 - __builtin_clzll(bytes - 1));
    }
    struct from {
        limits::free_list head[lists];
        template <std::size_t Bytes>
        [[gnu::always_inline]] void* take() {
            return head[list_for(Bytes)].take();
        }
        template <std::size_t Bytes>
        [[gnu::always_inline]] void give(void* p) {
            head[list_for(Bytes)].give(p);
        }
        [[gnu::always_inline]] void* take(std::size_t bytes) { return head[list_for(bytes)].take(); }
        [[gnu::always_inline]] void give(void* p, std::size_t bytes) { head[list_for(bytes)].give(p); }
    };
    from source() {
        from made;
        for (std::size_t i = 0; i < lists; ++i) made.head[i] = storage[i].list();
        return made;
    }
};

struct thread_limit {
    limit memory;
    static inline thread_local constinit limits::free_list heads[limit::lists] = {};

    struct from {
        template <std::size_t Bytes>
        [[gnu::always_inline]] void* take() {
            return heads[limit::list_for(Bytes)].take();
        }
        template <std::size_t Bytes>
        [[gnu::always_inline]] void give(void* p) {
            heads[limit::list_for(Bytes)].give(p);
        }
        [[gnu::always_inline]] void* take(std::size_t bytes) { return heads[limit::list_for(bytes)].take(); }
        [[gnu::always_inline]] void give(void* p, std::size_t bytes) { heads[limit::list_for(bytes)].give(p); }
    };
    from source() {
        for (std::size_t i = 0; i < limit::lists; ++i) heads[i] = memory.storage[i].list();
        return {};
    }
};

}  // namespace pools
