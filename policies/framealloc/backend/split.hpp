// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/policy.hpp>

namespace framealloc::inline v0_1::backend {

/// Backend: two in one. Regions, for slabs, chunks and records, come from `Regions`, which has virtual memory; single
/// blocks come from `Blocks`. The default is `split<virtual_memory, system>`.
///
///   Cost      That of the part; no dispatch at run time.
///   Threads   Thread-safe when both parts are.
///   Failure   That of the part.
///   Lifetime  That of the part. Each kind goes back to the part that gave it: the two kinds never mix.
template <class Regions, class Blocks>
class split {
public:
    using family = backend_family;
    static constexpr bool is_thread_safe = backend_is_thread_safe<Regions> && backend_is_thread_safe<Blocks>;
    static constexpr unsigned giver_bits =
        giver_bits_of<Regions> > giver_bits_of<Blocks> ? giver_bits_of<Regions> : giver_bits_of<Blocks>;

    constexpr split() = default;
    constexpr split(Regions regions, Blocks blocks) : regions_(regions), blocks_(blocks) {}

    [[nodiscard]] auto try_allocate(layout request) noexcept { return blocks_.try_allocate(request); }
    void deallocate(void* p, layout given, giver_byte giver = 0) noexcept {
        backend_calls::deallocate(blocks_, p, given, giver);
    }

    [[nodiscard]] auto reserve(layout range) noexcept
        requires has_virtual_memory<Regions>
    {
        return regions_.reserve(range);
    }
    [[nodiscard]] bool commit(void* p, std::size_t bytes, giver_byte giver = 0) noexcept {
        return backend_calls::commit(regions_, p, bytes, giver);
    }
    [[nodiscard]] bool decommit(void* p, std::size_t bytes, giver_byte giver = 0) noexcept {
        return backend_calls::decommit(regions_, p, bytes, giver);
    }
    [[nodiscard]] bool release(void* p, layout range, giver_byte giver = 0) noexcept {
        return backend_calls::release(regions_, p, range, giver);
    }
    [[nodiscard]] bool discard(void* p, std::size_t bytes, giver_byte giver = 0) noexcept
        requires has_discard<Regions>
    {
        return backend_calls::discard(regions_, p, bytes, giver);
    }

    [[nodiscard]] Regions& regions() noexcept { return regions_; }
    [[nodiscard]] Blocks& blocks() noexcept { return blocks_; }

private:
    [[no_unique_address]] Regions regions_{};
    [[no_unique_address]] Blocks blocks_{};

    // Last, so that a compiler that stops reading a class at a failed assertion has seen the rest and says no more.
    static_assert(has_virtual_memory<Regions>,
                  "framealloc: backend::split<Regions, Blocks> wants a first backend that reserves, commits, "
                  "decommits and releases");
};

}  // namespace framealloc::backend
