// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/detail/sanitizer.hpp>
#include <framealloc/group/group.hpp>
#include <framealloc/smart_alloc.hpp>

namespace framealloc::inline v0_1 {

/// A standard allocator over a group: the container's memory is gone when the group is freed, and so is the container by then;
/// best of all it lies in the group itself, as `level.make<std::vector<int, group_allocator<int>>>(group_allocator<int>{level})`.
///
/// It propagates on move and on swap, not on copy assignment, and compares equal to those of the same group, as the allocators
/// of frames and pools do.
///
///   Cost      That of `group_ref`. What was allocated last makes room again when it is given back; whatever is not last is the
///             group's, so a vector that grows leaves its old buffers there: reserve.
///   Threads   As the group.
///   Failure   `allocate` throws `allocation_failure`, also when the group is gone (FA411). A container that outlives its group
///             is reported where somebody checks (FA411), when it gives back.
///   Lifetime  Refers to the group, and knows when it is gone; the instance outlives it.
template <class T, class Alloc = smart_alloc>
class group_allocator {
public:
    using value_type = T;
    using propagate_on_container_copy_assignment = std::false_type;
    using propagate_on_container_move_assignment = std::true_type;
    using propagate_on_container_swap = std::true_type;
    using is_always_equal = std::false_type;
    using assembly_type = typename Alloc::assembly_type;
    template <class U>
    struct rebind {
        using other = group_allocator<U, Alloc>;
    };

    explicit group_allocator(framealloc::group<assembly_type> const& of) noexcept : group_(of) {}
    explicit group_allocator(group_ref<assembly_type> const& of) noexcept : group_(of) {}
    template <class U>
    group_allocator(group_allocator<U, Alloc> const& other) noexcept : group_(other.group()) {}

    /// The group that it takes from.
    [[nodiscard]] group_ref<assembly_type> const& group() const noexcept { return group_; }

    /// Throws `allocation_failure`.
    [[nodiscard]] T* allocate(std::size_t n) { return static_cast<T*>(group_.alloc(layout::array_of<T>(n))); }
    FRAMEALLOC_HOT void deallocate(T* p, std::size_t n) noexcept {
        detail::give_back_to_group<assembly_type>(group_.claim(), p, n * sizeof(T), detail::here<assembly_type>());
    }
    [[nodiscard]] group_allocator select_on_container_copy_construction() const noexcept { return *this; }

    template <class U>
    friend bool operator==(group_allocator const& a, group_allocator<U, Alloc> const& b) noexcept {
        return a.group() == b.group();
    }

private:
    group_ref<assembly_type> group_;
};

}  // namespace framealloc
