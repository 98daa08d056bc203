// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include "compare.hpp"
#include "foonathan.hpp"
#include "frames.hpp"
#include "limits.hpp"

#include <framealloc/smart_alloc.hpp>

#include <cstddef>
#include <memory_resource>
#include <type_traits>
#include <vector>

// One shape for everything that serves all three kinds of a frame's memory: `begin()`, `frame(bytes)`, `pool()` for a block
// of 64 bytes, `heap()` for one of 1 MiB, `give_pool(p)`, `give_heap(p)`, `end()`. `backend_calls()` where it can be told.

namespace whole_frames {

inline constexpr std::size_t room = frames::room;
inline constexpr std::size_t pool_bytes = 64;
inline constexpr std::size_t pool_blocks = 1024;  ///< with a margin
inline constexpr std::size_t heap_bytes = std::size_t{1} << 20;
inline constexpr std::size_t heap_blocks = 2;

/// The limit: a bump pointer, a free list and two blocks that are kept, all behind a thread_local.
class limit {
public:
    limit() {
        limits::thread_bump.reserve(room);
        limits::thread_free_list = small_.list();
        kept_ = large_.list();
    }
    ~limit() { limits::thread_bump.release(); }
    limit(limit const&) = delete;
    limit& operator=(limit const&) = delete;

    void begin() {}
    void end() { limits::thread_bump.reset(); }
    [[gnu::always_inline]] void* frame(std::size_t bytes) { return limits::thread_bump.take(bytes); }
    [[gnu::always_inline]] void* pool() { return limits::thread_free_list.take(); }
    [[gnu::always_inline]] void* heap() { return kept_.take(); }
    [[gnu::always_inline]] void give_pool(void* p) { limits::thread_free_list.give(p); }
    [[gnu::always_inline]] void give_heap(void* p) { kept_.give(p); }

private:
    limits::blocks small_{pool_blocks, pool_bytes};
    limits::blocks large_{heap_blocks, heap_bytes};
    static inline thread_local constinit limits::free_list kept_{};
};

template <class Alloc>
class ours {
    static constexpr framealloc::layout block{.bytes = heap_bytes, .align = 16};
    struct alignas(16) small {
        unsigned char bytes[pool_bytes];
    };

public:
    void begin() { alloc_.begin_frame(); }
    void end() { alloc_.end_frame(); }
    [[gnu::always_inline]] void* frame(std::size_t bytes) {
        return alloc_.frame_alloc(framealloc::layout{.bytes = bytes, .align = 16});
    }
    [[gnu::always_inline]] void* pool() { return alloc_.template pool_alloc<small>(); }
    [[gnu::always_inline]] void* heap() { return alloc_.heap_alloc(block); }
    [[gnu::always_inline]] void give_pool(void* p) { alloc_.template pool_free<small>(static_cast<small*>(p)); }
    [[gnu::always_inline]] void give_heap(void* p) { alloc_.heap_free(p, block); }
    [[nodiscard]] std::size_t backend_calls() { return alloc_.stats().backend_calls; }

private:
    Alloc alloc_;
};

/// The same without the look-up of the thread's state, which is asked for once in a frame.
class ours_local {
    using allocator = framealloc::smart_alloc;
    static constexpr framealloc::layout block{.bytes = heap_bytes, .align = 16};
    struct alignas(16) small {
        unsigned char bytes[pool_bytes];
    };

public:
    void begin() {
        alloc_.begin_frame();
        here_ = &alloc_.local();
    }
    void end() { alloc_.end_frame(); }
    [[gnu::always_inline]] void* frame(std::size_t bytes) {
        return here_->frame_alloc(framealloc::layout{.bytes = bytes, .align = 16});
    }
    [[gnu::always_inline]] void* pool() { return here_->pool_alloc<small>(); }
    [[gnu::always_inline]] void* heap() { return here_->heap_alloc(block); }
    [[gnu::always_inline]] void give_pool(void* p) { here_->pool_free<small>(static_cast<small*>(p)); }
    [[gnu::always_inline]] void give_heap(void* p) { here_->heap_free(p, block); }
    [[nodiscard]] std::size_t backend_calls() { return alloc_.stats().backend_calls; }

private:
    allocator alloc_;
    std::remove_reference_t<decltype(alloc_.local())>* here_ = nullptr;
};

/// A monotonic resource over a buffer, and a pool resource for the rest: it keeps blocks up to its own limit and passes on
/// what is larger.
class pmr {
public:
    void begin() {}
    void end() { frame_.release(); }
    [[gnu::always_inline]] void* frame(std::size_t bytes) { return frame_.allocate(bytes, 16); }
    [[gnu::always_inline]] void* pool() { return pool_.allocate(pool_bytes, 16); }
    [[gnu::always_inline]] void* heap() { return pool_.allocate(heap_bytes, 16); }
    [[gnu::always_inline]] void give_pool(void* p) { pool_.deallocate(p, pool_bytes, 16); }
    [[gnu::always_inline]] void give_heap(void* p) { pool_.deallocate(p, heap_bytes, 16); }

private:
    std::vector<std::byte> memory_ = std::vector<std::byte>(room);
    std::pmr::monotonic_buffer_resource frame_{memory_.data(), memory_.size(), std::pmr::null_memory_resource()};
    std::pmr::unsynchronized_pool_resource pool_;
};

/// General allocators end a frame by freeing each block.
template <class Malloc>
class through_malloc {
public:
    through_malloc() { taken_.reserve(std::size_t{1} << 16); }
    void begin() {}
    void end() {
        for (void* const p : taken_) Malloc::free(p);
        taken_.clear();
    }
    [[gnu::always_inline]] void* frame(std::size_t bytes) {
        void* const p = Malloc::allocate(bytes);
        taken_.push_back(p);
        return p;
    }
    [[gnu::always_inline]] void* pool() { return Malloc::allocate(pool_bytes); }
    [[gnu::always_inline]] void* heap() { return Malloc::allocate(heap_bytes); }
    [[gnu::always_inline]] void give_pool(void* p) { Malloc::free(p); }
    [[gnu::always_inline]] void give_heap(void* p) { Malloc::free(p); }

private:
    std::vector<void*> taken_;
};

#ifdef FRAMEALLOC_PERF_FOONATHAN
/// A stack, and a pool of one size for each of the other two kinds.
class foonathan {
    using stack = ::foonathan::memory::memory_stack<>;
    using pool_of_one_size = ::foonathan::memory::memory_pool<>;

public:
    void begin() { before_ = frame_.top(); }
    void end() { frame_.unwind(before_); }
    [[gnu::always_inline]] void* frame(std::size_t bytes) { return frame_.allocate(bytes, 16); }
    [[gnu::always_inline]] void* pool() { return pool_.allocate_node(); }
    [[gnu::always_inline]] void* heap() { return heap_.allocate_node(); }
    [[gnu::always_inline]] void give_pool(void* p) { pool_.deallocate_node(p); }
    [[gnu::always_inline]] void give_heap(void* p) { heap_.deallocate_node(p); }

private:
    stack frame_{stack::min_block_size(room)};
    stack::marker before_ = frame_.top();
    pool_of_one_size pool_{pool_bytes, pool_of_one_size::min_block_size(pool_bytes, pool_blocks)};
    pool_of_one_size heap_{heap_bytes, pool_of_one_size::min_block_size(heap_bytes, heap_blocks)};
};
#endif

template <class Whole, class Run>
benchmark::internal::Benchmark* add(std::string const& workload, char const* contender, Run run) {
    return compare::add(workload, contender, [run](benchmark::State& state) { run.template operator()<Whole>(state); });
}

/// Registers everybody: `run.template operator()<Whole>(state)`.
template <class Run, class Configure>
void add_all(std::string const& workload, Run run, Configure configure) {
    configure(add<limit>(workload, "limit", run));
    configure(add<ours<framealloc::smart_alloc>>(workload, "framealloc", run));
    configure(add<ours_local>(workload, "framealloc_local", run));
    configure(add<ours<framealloc::smart_alloc_single_threaded>>(workload, "framealloc_single", run));
    configure(add<pmr>(workload, "pmr", run));
#ifdef FRAMEALLOC_PERF_FOONATHAN
    configure(add<foonathan>(workload, "foonathan", run));
#else
    peers::add_missing_foonathan(workload);
#endif
    compare::add_mallocs(
        workload,
        [run]<class Malloc>(benchmark::State& state) { run.template operator()<through_malloc<Malloc>>(state); },
        configure);
}

}  // namespace whole_frames
