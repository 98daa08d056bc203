// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/allocator.hpp>
#include <framealloc/current_instance.hpp>

// Default-constructible allocators, for libraries that make allocators by themselves. One that is made by default binds
// to the thread's current instance, and keeps to it: what a container takes comes from the instance that it was made
// with.
//
// Memory goes back to the instance that it came from, whichever allocator is asked: the head of a slab and the head of
// a heap block know. So a library that makes an allocator anew at each call (nlohmann's json does, to free as well) is
// served correctly, whatever has become current in between.
//
// A container that is copied is copied into the instance that is current then, on the thread that copies. They
// propagate on move and on swap, not on copy assignment, and are equal when they are bound to the same instance.

namespace framealloc::inline v0_1 {

/// A standard allocator over the calling thread's frame in the instance that was current when it was made.
///
///   Cost      That of `frame_allocator`; making one by default reads a thread-local pointer.
///   Threads   Used on the thread that fills the container, as its memory is that thread's frame.
///   Failure   `allocate` throws `allocation_failure`, outside a frame, too (FA001).
///   Lifetime  The end of the frame takes the memory, and the container is gone by then.
template <class T, class Alloc = smart_alloc>
class ambient_frame_allocator : public detail::instance_allocator<T, Alloc> {
    using base = detail::instance_allocator<T, Alloc>;

public:
    template <class U>
    struct rebind {
        using other = ambient_frame_allocator<U, Alloc>;
    };

    ambient_frame_allocator() noexcept : base(detail::ambience<typename Alloc::assembly_type>::instance()) {}
    explicit ambient_frame_allocator(typename Alloc::canonical& owner FRAMEALLOC_LIFETIMEBOUND) noexcept
        : base(owner.shared()) {}
    template <class U>
    ambient_frame_allocator(ambient_frame_allocator<U, Alloc> const& other) noexcept : base(other.instance()) {}

    [[nodiscard]] T* allocate(std::size_t n) {
        return static_cast<T*>(this->instance().frame_alloc(layout::array_of<T>(n)));
    }
    void deallocate(T* p, std::size_t n) noexcept { detail::memory_is_forbidden(p, n * sizeof(T)); }
    [[nodiscard]] ambient_frame_allocator select_on_container_copy_construction() const noexcept { return {}; }

    template <class U>
    friend bool operator==(ambient_frame_allocator const& a, ambient_frame_allocator<U, Alloc> const& b) noexcept {
        return &a.instance() == &b.instance();
    }
};

/// A standard allocator over the pools of the instance that was current when it was made.
///
///   Cost      That of `pool_allocator`, and a look at the slab's head for each free. Requests above the largest class
///             go the way of `ambient_heap_allocator`.
///   Threads   Memory may be freed on any thread.
///   Failure   `allocate` throws `allocation_failure`. Freeing cannot fail.
///   Lifetime  Until freed, or until the instance that it came from ends, whatever the container is bound to.
template <class T, class Alloc = smart_alloc>
class ambient_pool_allocator : public detail::instance_allocator<T, Alloc> {
    using base = detail::instance_allocator<T, Alloc>;

public:
    template <class U>
    struct rebind {
        using other = ambient_pool_allocator<U, Alloc>;
    };

    ambient_pool_allocator() noexcept : base(detail::ambience<typename Alloc::assembly_type>::instance()) {}
    explicit ambient_pool_allocator(typename Alloc::canonical& owner FRAMEALLOC_LIFETIMEBOUND) noexcept
        : base(owner.shared()) {}
    template <class U>
    ambient_pool_allocator(ambient_pool_allocator<U, Alloc> const& other) noexcept : base(other.instance()) {}

    [[nodiscard]] T* allocate(std::size_t n) {
        return static_cast<T*>(this->instance().pool_alloc(layout::array_of<T>(n)));
    }
    void deallocate(T* p, std::size_t n) noexcept { this->instance().pool_free_to_owner(p, layout::array_of<T>(n)); }
    [[nodiscard]] ambient_pool_allocator select_on_container_copy_construction() const noexcept { return {}; }

    template <class U>
    friend bool operator==(ambient_pool_allocator const& a, ambient_pool_allocator<U, Alloc> const& b) noexcept {
        return &a.instance() == &b.instance();
    }
};

/// A standard allocator over heap blocks of the instance that was current when it was made.
///
///   Cost      That of `heap_allocator`. A block of another instance than the bound one is freed through the registry,
///             which is locked and asked who lives: O(instances).
///   Threads   Memory may be freed on any thread.
///   Failure   `allocate` throws `allocation_failure`. Freeing cannot fail.
///   Lifetime  Until freed, or until the instance that it came from ends, whatever the container is bound to.
template <class T, class Alloc = smart_alloc>
class ambient_heap_allocator : public detail::instance_allocator<T, Alloc> {
    using base = detail::instance_allocator<T, Alloc>;

public:
    template <class U>
    struct rebind {
        using other = ambient_heap_allocator<U, Alloc>;
    };

    ambient_heap_allocator() noexcept : base(detail::ambience<typename Alloc::assembly_type>::instance()) {}
    explicit ambient_heap_allocator(typename Alloc::canonical& owner FRAMEALLOC_LIFETIMEBOUND) noexcept
        : base(owner.shared()) {}
    template <class U>
    ambient_heap_allocator(ambient_heap_allocator<U, Alloc> const& other) noexcept : base(other.instance()) {}

    [[nodiscard]] T* allocate(std::size_t n) {
        return static_cast<T*>(this->instance().heap_alloc(layout::array_of<T>(n)));
    }
    void deallocate(T* p, std::size_t n) noexcept {
        this->instance().heap_free_to_owner(p, layout::array_of<T>(n), detail::here<typename Alloc::assembly_type>());
    }
    [[nodiscard]] ambient_heap_allocator select_on_container_copy_construction() const noexcept { return {}; }

    template <class U>
    friend bool operator==(ambient_heap_allocator const& a, ambient_heap_allocator<U, Alloc> const& b) noexcept {
        return &a.instance() == &b.instance();
    }
};

}  // namespace framealloc
