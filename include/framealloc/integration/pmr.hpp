// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/integration/basic_resource.hpp>

#include <memory_resource>

// Memory resources for `std::pmr`, one per intent; `basic_resource` says what they promise.
//
//     framealloc::frame_resource scratch{alloc};
//     std::pmr::vector<int> hits{&scratch};

namespace framealloc::inline v0_1 {

/// Memory of the calling thread's frame: gone at its end, and so are the containers by then.
template <class A>
class frame_resource final : public basic_resource<std::pmr::memory_resource, allocation_intent::frame, A> {
public:
    explicit frame_resource(composed_alloc<A>& owner FRAMEALLOC_LIFETIMEBOUND) noexcept
        : basic_resource<std::pmr::memory_resource, allocation_intent::frame, A>(owner) {}
};

/// Memory of the pools: small blocks, freed on any thread. Larger ones are the heap's.
template <class A>
class pool_resource final : public basic_resource<std::pmr::memory_resource, allocation_intent::pool, A> {
public:
    explicit pool_resource(composed_alloc<A>& owner FRAMEALLOC_LIFETIMEBOUND) noexcept
        : basic_resource<std::pmr::memory_resource, allocation_intent::pool, A>(owner) {}
};

/// Heap blocks: large or long-lived.
template <class A>
class heap_resource final : public basic_resource<std::pmr::memory_resource, allocation_intent::heap, A> {
public:
    explicit heap_resource(composed_alloc<A>& owner FRAMEALLOC_LIFETIMEBOUND) noexcept
        : basic_resource<std::pmr::memory_resource, allocation_intent::heap, A>(owner) {}
};

}  // namespace framealloc
