// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/detail/sanitizer.hpp>
#include <framealloc/smart_alloc.hpp>

namespace framealloc::inline v0_1 {

namespace detail {

/// What the three standard allocators share: an instance, and what containers ask of an allocator.
///
/// They propagate on move and on swap, not on copy assignment, and compare equal when they are of one instance: a
/// container that is moved takes its allocator along, one that is assigned keeps its own.
///
/// A container that is copied stays with the instance of the original, on purpose: whoever wrote the instance down at the
/// first container expects a copy of it there, and not in some other memory. In a frame, the copy is in the frame of the
/// thread that copies, and lives as long as that: a frame's container is copied out of it by naming an allocator,
/// `std::vector<T, pool_allocator<T>> kept(v.begin(), v.end(), pool_allocator<T>{alloc})`. The ambient forms differ here.
template <class T, class Alloc>
class instance_allocator {
public:
    using value_type = T;
    using propagate_on_container_copy_assignment = std::false_type;
    using propagate_on_container_move_assignment = std::true_type;
    using propagate_on_container_swap = std::true_type;
    using is_always_equal = std::false_type;
    using core_type = core<typename Alloc::assembly_type>;

    [[nodiscard]] core_type& instance() const noexcept { return *core_; }

protected:
    explicit instance_allocator(core_type& owner) noexcept : core_(&owner) {}

private:
    core_type* core_;
};

}  // namespace detail

/// A standard allocator over the calling thread's frame. `deallocate` does nothing; the container's memory is gone at the
/// end of the frame, so the container is, too, by then. Use it on the thread that fills it.
template <class T, class Alloc = smart_alloc>
class frame_allocator : public detail::instance_allocator<T, Alloc> {
public:
    template <class U>
    struct rebind {
        using other = frame_allocator<U, Alloc>;
    };

    explicit frame_allocator(typename Alloc::canonical& owner FRAMEALLOC_LIFETIMEBOUND) noexcept
        : detail::instance_allocator<T, Alloc>(owner.shared()) {}
    template <class U>
    frame_allocator(frame_allocator<U, Alloc> const& other) noexcept
        : detail::instance_allocator<T, Alloc>(other.instance()) {}

    /// Throws `allocation_failure`.
    [[nodiscard]] T* allocate(std::size_t n) {
        return static_cast<T*>(this->instance().frame_alloc(layout::array_of<T>(n)));
    }
    /// The same; null where it is refused.
    [[nodiscard]] T* try_allocate(std::size_t n) noexcept {
        return static_cast<T*>(this->instance().try_frame_alloc(layout::array_of<T>(n)));
    }
    void deallocate(T* p, std::size_t n) noexcept { detail::memory_is_forbidden(p, n * sizeof(T)); }
    [[nodiscard]] frame_allocator select_on_container_copy_construction() const noexcept { return *this; }

    template <class U>
    friend bool operator==(frame_allocator const& a, frame_allocator<U, Alloc> const& b) noexcept {
        return &a.instance() == &b.instance();
    }
};

/// A standard allocator over the pools. Memory may be freed on any thread.
template <class T, class Alloc = smart_alloc>
class pool_allocator : public detail::instance_allocator<T, Alloc> {
public:
    template <class U>
    struct rebind {
        using other = pool_allocator<U, Alloc>;
    };

    explicit pool_allocator(typename Alloc::canonical& owner FRAMEALLOC_LIFETIMEBOUND) noexcept
        : detail::instance_allocator<T, Alloc>(owner.shared()) {}
    template <class U>
    pool_allocator(pool_allocator<U, Alloc> const& other) noexcept
        : detail::instance_allocator<T, Alloc>(other.instance()) {}

    /// Throws `allocation_failure`.
    [[nodiscard]] T* allocate(std::size_t n) {
        return static_cast<T*>(this->instance().pool_alloc(layout::array_of<T>(n)));
    }
    /// The same; null where it is refused.
    [[nodiscard]] T* try_allocate(std::size_t n) noexcept {
        return static_cast<T*>(this->instance().try_pool_alloc(layout::array_of<T>(n)));
    }
    void deallocate(T* p, std::size_t n) noexcept { this->instance().pool_free(p, layout::array_of<T>(n)); }
    [[nodiscard]] pool_allocator select_on_container_copy_construction() const noexcept { return *this; }

    template <class U>
    friend bool operator==(pool_allocator const& a, pool_allocator<U, Alloc> const& b) noexcept {
        return &a.instance() == &b.instance();
    }
};

/// A standard allocator over heap blocks.
template <class T, class Alloc = smart_alloc>
class heap_allocator : public detail::instance_allocator<T, Alloc> {
public:
    template <class U>
    struct rebind {
        using other = heap_allocator<U, Alloc>;
    };

    explicit heap_allocator(typename Alloc::canonical& owner FRAMEALLOC_LIFETIMEBOUND) noexcept
        : detail::instance_allocator<T, Alloc>(owner.shared()) {}
    template <class U>
    heap_allocator(heap_allocator<U, Alloc> const& other) noexcept
        : detail::instance_allocator<T, Alloc>(other.instance()) {}

    /// Throws `allocation_failure`.
    [[nodiscard]] T* allocate(std::size_t n) {
        return static_cast<T*>(this->instance().heap_alloc(layout::array_of<T>(n)));
    }
    /// The same; null where it is refused.
    [[nodiscard]] T* try_allocate(std::size_t n) noexcept {
        return static_cast<T*>(this->instance().try_heap_alloc(layout::array_of<T>(n)));
    }
    void deallocate(T* p, std::size_t n) noexcept { this->instance().heap_free(p, layout::array_of<T>(n)); }
    [[nodiscard]] heap_allocator select_on_container_copy_construction() const noexcept { return *this; }

    template <class U>
    friend bool operator==(heap_allocator const& a, heap_allocator<U, Alloc> const& b) noexcept {
        return &a.instance() == &b.instance();
    }
};

}  // namespace framealloc
