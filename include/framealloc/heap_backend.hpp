// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/basic_smart_alloc.hpp>

namespace framealloc::inline v0_1 {

/// Backend: the heap of an allocator, for what is built on backends, such as object pools and other allocators. Its bytes are the
/// allocator's, and charged to the tag under which the calling thread allocates when they are asked for.
///
///     smart_alloc alloc;
///     growing_pool<enemy, heap_backend<smart_alloc>> enemies{{.capacity = 100}, heap_backend{alloc}};
///
///   Cost      A pointer. That of the heap: blocks up to its cache's size come from there.
///   Threads   As the allocator.
///   Failure   Null where the allocator refuses.
///   Lifetime  The allocator outlives what uses this.
template <class Alloc>
class heap_backend {
public:
    using family = backend_family;
    static constexpr bool is_thread_safe = !Alloc::assembly_type::sync::one_thread;

    explicit heap_backend(Alloc& of FRAMEALLOC_LIFETIMEBOUND) noexcept : alloc_(&of) {}

    [[nodiscard]] void* try_allocate(layout request) noexcept { return alloc_->try_heap_alloc(request); }
    void deallocate(void* p, layout given) noexcept { alloc_->heap_free(p, given); }

private:
    Alloc* alloc_;
};

}  // namespace framealloc
