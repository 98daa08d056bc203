// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include "compare.hpp"
#include "foonathan.hpp"
#include "frames.hpp"
#include "std_allocators.hpp"

#include <framealloc/allocator.hpp>

#include <memory_resource>
#include <vector>

#ifdef FRAMEALLOC_PERF_FOONATHAN
#include <foonathan/memory/std_allocator.hpp>
#endif

// Frames whose memory goes into containers: `frame(body)` opens a frame, calls `body` with what makes a standard allocator,
// `allocator_of.template operator()<T>()`, and ends the frame. The containers are gone by then.

namespace container_frames {

inline constexpr std::size_t room = frames::room;

/// The limit: the bump pointer behind a thread_local.
struct limit {
    limit() { limits::thread_bump.reserve(room); }
    ~limit() { limits::thread_bump.release(); }
    limit(limit const&) = delete;
    limit& operator=(limit const&) = delete;

    void frame(auto const& body) {
        body([]<class T>() { return compare::bump_allocator<T>{}; });
        limits::thread_bump.reset();
    }
};

template <class Alloc>
struct through_frames {
    Alloc alloc;
    void frame(auto const& body) {
        alloc.begin_frame();
        body([this]<class T>() { return framealloc::frame_allocator<T, Alloc>{alloc}; });
        alloc.end_frame();
    }
};

struct pmr_monotonic {
    std::vector<std::byte> memory = std::vector<std::byte>(room);
    std::pmr::monotonic_buffer_resource resource{memory.data(), memory.size(), std::pmr::null_memory_resource()};
    void frame(auto const& body) {
        body([this]<class T>() { return std::pmr::polymorphic_allocator<T>{&resource}; });
        resource.release();
    }
};

/// Containers free each block themselves.
template <class Malloc>
struct freed_by_containers {
    void frame(auto const& body) {
        body([]<class T>() { return compare::malloc_allocator<T, Malloc>{}; });
    }
};

#ifdef FRAMEALLOC_PERF_FOONATHAN
struct foonathan_stack {
    using stack = ::foonathan::memory::memory_stack<>;
    stack memory{stack::min_block_size(room)};
    void frame(auto const& body) {
        auto const before = memory.top();
        body([this]<class T>() { return ::foonathan::memory::std_allocator<T, stack>{memory}; });
        memory.unwind(before);
    }
};
#endif

template <class Frames, class Run>
void add(std::string const& workload, char const* contender, Run run) {
    compare::add(workload, contender, [run](benchmark::State& state) { run.template operator()<Frames>(state); });
}

/// Registers everybody: `run.template operator()<Frames>(state)`.
template <class Run>
void add_all(std::string const& workload, Run run) {
    add<limit>(workload, "limit", run);
    add<through_frames<framealloc::smart_alloc>>(workload, "framealloc", run);
    add<through_frames<framealloc::smart_alloc_single_threaded>>(workload, "framealloc_single", run);
    add<pmr_monotonic>(workload, "pmr", run);
#ifdef FRAMEALLOC_PERF_FOONATHAN
    add<foonathan_stack>(workload, "foonathan", run);
#else
    peers::add_missing_foonathan(workload);
#endif
    compare::add_mallocs(workload, [run]<class Malloc>(benchmark::State& state) {
        run.template operator()<freed_by_containers<Malloc>>(state);
    });
}

}  // namespace container_frames
