// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/allocator.hpp>

namespace framealloc::inline v0_1 {

/// A frame allocator for containers of one large buffer: what is given back while it is the frame's last is room again, and
/// such a buffer can be resized where it stands. It says sizes itself, and keeps none.
///
///   Cost      That of `frame_allocator`; giving back is a comparison and a store.
///   Threads   Used on the thread that fills the container.
///   Failure   `allocate` throws `allocation_failure`; `try_allocate` answers null, `try_resize` false, and nothing has changed.
///   Lifetime  The end of the frame or the scope takes the memory, and the container is gone by then.
template <class T, class Alloc = smart_alloc>
class frame_buffer_allocator : public detail::instance_allocator<T, Alloc> {
    using base = detail::instance_allocator<T, Alloc>;

public:
    template <class U>
    struct rebind {
        using other = frame_buffer_allocator<U, Alloc>;
    };

    explicit frame_buffer_allocator(typename Alloc::canonical& owner FRAMEALLOC_LIFETIMEBOUND) noexcept
        : base(owner.shared()) {}
    template <class U>
    frame_buffer_allocator(frame_buffer_allocator<U, Alloc> const& other) noexcept : base(other.instance()) {}

    [[nodiscard]] T* allocate(std::size_t n) {
        return static_cast<T*>(this->instance().frame_alloc(layout::array_of<T>(n)));
    }
    [[nodiscard]] T* try_allocate(std::size_t n) noexcept {
        return static_cast<T*>(this->instance().try_frame_alloc(layout::array_of<T>(n)));
    }
    /// Answers `n`; throws `allocation_failure` (FA304) where so many cannot be, for containers that would count wrong.
    [[nodiscard]] std::size_t possible(std::size_t n) {
        if (!layout::array_of<T>(n).is_possible()) [[unlikely]]
            static_cast<void>(allocate(n));
        return n;
    }
    void deallocate(T* p, std::size_t n) noexcept {
        std::size_t const bytes = n * sizeof(T);
        if (!this->instance().try_frame_give_back(p, bytes)) detail::memory_is_forbidden(p, bytes);
    }
    /// Makes the buffer of `n` one of `wanted`, where it stands, if it is the frame's last. See `try_frame_extend`.
    [[nodiscard]] bool try_resize(T* p, std::size_t n, std::size_t wanted) noexcept {
        return this->instance().try_frame_extend(p, n * sizeof(T), layout::array_of<T>(wanted).bytes);
    }
    [[nodiscard]] frame_buffer_allocator select_on_container_copy_construction() const noexcept { return *this; }

    template <class U>
    friend bool operator==(frame_buffer_allocator const& a, frame_buffer_allocator<U, Alloc> const& b) noexcept {
        return &a.instance() == &b.instance();
    }
};

}  // namespace framealloc
