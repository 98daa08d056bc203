// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/scratch/scratch_arena.hpp>

namespace framealloc::inline v0_1 {

/// A standard allocator over a scratch arena: the container's memory is gone with the round, and so is the container by then.
///
/// It propagates on move and on swap, not on copy assignment, and compares equal to those of the same arena, as the allocators of
/// frames and pools do. `basic_soa_vector` over it grows where it stands.
///
///   Cost      That of the arena. What was served last makes room again when it is given back; whatever is not last is the
///             arena's, so a vector that grows leaves its old buffers there until the round ends: reserve.
///   Threads   As the arena.
///   Failure   `allocate` throws `allocation_failure`; `try_allocate` answers null, `try_resize` false, and nothing has changed.
///   Lifetime  Holds the arena by address: the arena outlives it, and its containers end with the round.
template <class T, class Scratch = scratch_arena<>>
class scratch_allocator {
public:
    using value_type = T;
    using propagate_on_container_copy_assignment = std::false_type;
    using propagate_on_container_move_assignment = std::true_type;
    using propagate_on_container_swap = std::true_type;
    using is_always_equal = std::false_type;
    template <class U>
    struct rebind {
        using other = scratch_allocator<U, Scratch>;
    };

    explicit scratch_allocator(Scratch& of FRAMEALLOC_LIFETIMEBOUND) noexcept : arena_(&of) {}
    template <class U>
    scratch_allocator(scratch_allocator<U, Scratch> const& other) noexcept : arena_(&other.arena()) {}

    /// The arena that it takes from.
    [[nodiscard]] Scratch& arena() const noexcept { return *arena_; }

    /// Throws `allocation_failure`.
    [[nodiscard]] T* allocate(std::size_t n) { return static_cast<T*>(arena_->alloc(layout::array_of<T>(n))); }
    /// The same; null where it is refused.
    [[nodiscard]] T* try_allocate(std::size_t n) noexcept {
        return static_cast<T*>(arena_->try_alloc(layout::array_of<T>(n)));
    }
    void deallocate(T* p, std::size_t n) noexcept {
        if (!arena_->try_give_back(p, n * sizeof(T))) detail::memory_is_forbidden(p, n * sizeof(T));
    }
    /// Makes the block of `n` one of `wanted`, where it stands, if it was served last. See `try_extend`.
    [[nodiscard]] bool try_resize(T* p, std::size_t n, std::size_t wanted) noexcept {
        return arena_->try_extend(p, n * sizeof(T), layout::array_of<T>(wanted).bytes);
    }
    [[nodiscard]] scratch_allocator select_on_container_copy_construction() const noexcept { return *this; }

    template <class U>
    friend bool operator==(scratch_allocator const& a, scratch_allocator<U, Scratch> const& b) noexcept {
        return &a.arena() == &b.arena();
    }

private:
    Scratch* arena_;
};

}  // namespace framealloc
