// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/detail/sanitizer.hpp>
#include <framealloc/scratch/scratch_arena.hpp>

#include <memory_resource>

namespace framealloc::inline v0_1 {

/// A memory resource for `std::pmr` over a scratch arena.
///
///     framealloc::scratch_resource in_parser{parser};
///     std::pmr::vector<int> tokens{&in_parser};
///
///   Cost      A virtual call, and that of the arena. What was served last makes room again when it is given back.
///   Threads   As the arena.
///   Failure   `allocate` throws `allocation_failure`; where exceptions are off it is reported, and the failure handler is called.
///             Zero bytes give a unique address.
///   Lifetime  The resource outlives its containers, and they end with the round; the arena outlives the resource.
///   Equality  Equal to every resource of the same type and arena; without run-time type information, to itself only.
template <class Scratch>
class scratch_resource final : public std::pmr::memory_resource {
public:
    explicit scratch_resource(Scratch& of FRAMEALLOC_LIFETIMEBOUND) noexcept : arena_(of) {}

    /// The arena that it takes from.
    [[nodiscard]] Scratch& arena() const noexcept { return arena_; }

private:
    void* do_allocate(std::size_t bytes, std::size_t align) override {
        return arena_.alloc(layout{.bytes = bytes, .align = align});
    }
    void do_deallocate(void* p, std::size_t bytes, std::size_t) override {
        if (!arena_.try_give_back(p, bytes)) detail::memory_is_forbidden(p, bytes);
    }
    [[nodiscard]] bool do_is_equal(std::pmr::memory_resource const& other) const noexcept override {
#if defined(__cpp_rtti)
        auto const* const same = dynamic_cast<scratch_resource const*>(&other);
        return same != nullptr && &same->arena_ == &arena_;
#else
        return this == &other;
#endif
    }

    Scratch& arena_;
};

}  // namespace framealloc
