// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/detail/atomic.hpp>
#include <framealloc/detail/counted_frames.hpp>
#include <framealloc/policy.hpp>

namespace framealloc::inline v0_1 {

/// What one thread counts: the `thread_part` of every diagnostics policy that counts operations.
class operation_counters {
public:
    void on_frame_allocate(std::size_t bytes) noexcept {
        frame_allocations_.add(1);
        frame_bytes_.add(bytes);
    }
    /// The last frame allocation has grown by `bytes`: more bytes, and no new allocation.
    void on_frame_extend(std::size_t bytes) noexcept { frame_bytes_.add(bytes); }
    void on_pool_allocate(std::size_t bytes) noexcept {
        pool_allocations_.add(1);
        pool_bytes_.add(bytes);
    }
    void on_pool_free() noexcept { pool_frees_.add(1); }
    void on_heap_allocate(std::size_t bytes) noexcept {
        heap_allocations_.add(1);
        heap_bytes_.add(bytes);
    }
    void on_heap_free() noexcept { heap_frees_.add(1); }

    [[nodiscard]] operation_counts counts() const noexcept {
        return {.frame_allocations = frame_allocations_.read(),
                .frame_requested_bytes = frame_bytes_.read(),
                .pool_allocations = pool_allocations_.read(),
                .pool_frees = pool_frees_.read(),
                .pool_requested_bytes = pool_bytes_.read(),
                .heap_allocations = heap_allocations_.read(),
                .heap_frees = heap_frees_.read(),
                .heap_requested_bytes = heap_bytes_.read()};
    }

private:
    detail::owner_counter frame_allocations_, frame_bytes_, pool_allocations_, pool_bytes_, pool_frees_,
        heap_allocations_, heap_bytes_, heap_frees_;
};

}  // namespace framealloc
