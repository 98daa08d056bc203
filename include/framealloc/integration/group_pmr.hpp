// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/group/group.hpp>

#include <memory_resource>

namespace framealloc::inline v0_1 {

/// A memory resource for `std::pmr` over a group.
///
///     framealloc::group_resource in_level{level};
///     std::pmr::vector<int> hits{&in_level};
///
///   Cost      A virtual call, and that of `group_ref`. What was allocated last makes room again when it is given back.
///   Threads   As the group.
///   Failure   `allocate` throws `allocation_failure`, also when the group is gone (FA411); where exceptions are off it is
///             reported, and the failure handler is called. Zero bytes give a unique address.
///   Lifetime  The resource outlives its containers; the instance outlives the resource.
///   Equality  Equal to every resource of the same type and group; without run-time type information, to itself only.
template <class A>
class group_resource final : public std::pmr::memory_resource {
public:
    explicit group_resource(framealloc::group<A> const& of) noexcept : group_(of) {}
    explicit group_resource(group_ref<A> const& of) noexcept : group_(of) {}

    /// The group that it takes from.
    [[nodiscard]] group_ref<A> const& group() const noexcept { return group_; }

private:
    void* do_allocate(std::size_t bytes, std::size_t align) override {
        return group_.alloc(layout{.bytes = bytes, .align = align});
    }
    void do_deallocate(void* p, std::size_t bytes, std::size_t) override {
        detail::give_back_to_group<A>(group_.claim(), p, bytes, {});
    }
    [[nodiscard]] bool do_is_equal(std::pmr::memory_resource const& other) const noexcept override {
#if defined(__cpp_rtti)
        auto const* const same = dynamic_cast<group_resource const*>(&other);
        return same != nullptr && same->group_ == group_;
#else
        return this == &other;
#endif
    }

    group_ref<A> group_;
};

}  // namespace framealloc
