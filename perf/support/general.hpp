// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include "mimalloc.hpp"

#include <benchmark/benchmark.h>

#include <cstdlib>

// The general allocators that everything is compared with, in one shape.

namespace general {

struct glibc {
    static void* allocate(std::size_t bytes) { return std::malloc(bytes); }
    static void* allocate_aligned(std::size_t bytes, std::size_t align) {
        return std::aligned_alloc(align, (bytes + align - 1) & ~(align - 1));
    }
    static void free(void* p) { std::free(p); }
    static bool is_here(benchmark::State&) { return true; }
};

struct mimalloc {
    static void* allocate(std::size_t bytes) { return peers::loaded_mimalloc.malloc(bytes); }
    static void* allocate_aligned(std::size_t bytes, std::size_t align) {
        return peers::loaded_mimalloc.malloc_aligned(bytes, align);
    }
    static void free(void* p) { peers::loaded_mimalloc.free(p); }
    static bool is_here(benchmark::State& state) {
        if (peers::loaded_mimalloc) return true;
        state.SkipWithError("mimalloc is not installed (package libmimalloc-dev)");
        return false;
    }
};

}  // namespace general
