// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/policy.hpp>

namespace framealloc::inline v0_1::pool {

/// Pool: four size classes to each doubling, from 16 to `Max` bytes (16, 32, 48, 64, 80, 96, 112, 128, 160, ...), in slabs
/// of `SlabBytes`.
///
/// Choose it when memory matters more than the last nanosecond: rounding loses a fifth at most and a tenth on average, where
/// powers of two lose up to half. Not for requests of 8 bytes, which cost 16 here.
///
///   Cost      O(1); with a type or a constant size the class is known at compile time. Alignments above 16 step through
///             three classes at most.
///   Threads   The class table is stateless.
///   Failure   A request above `Max`, in bytes or alignment, is the heap's.
///   Lifetime  A block lives until it is freed.
///   Source    The size classes of jemalloc, J. Evans, "A scalable concurrent malloc(3) implementation for FreeBSD", 2006.
template <std::size_t Max = 4096, std::size_t SlabBytes = (std::size_t{64} << 10)>
struct fine_size_class {
private:
    using steps = detail::quarter_steps;
    /// Below the smallest quarter steps, which are 16 bytes wide, the classes are 16 bytes wide as well.
    static constexpr std::size_t small_classes = 3;

public:
    using family = pool_family;

    static constexpr std::size_t max_bytes = Max;
    static constexpr std::size_t slab_bytes = SlabBytes;
    static constexpr std::size_t class_count = small_classes + steps::index(Max) + 1;

    [[nodiscard]] static constexpr std::size_t class_bytes(std::size_t c) noexcept {
        return c < small_classes ? (c + 1) * granule : steps::bytes(c - small_classes);
    }

    [[nodiscard]] static constexpr std::size_t class_for(layout request) noexcept {
        if (request.bytes > Max || request.align > Max) return class_count;
        std::size_t const need = detail::round_up(request.bytes + (request.bytes == 0), request.align);
        if (need > Max) return class_count;
        std::size_t c = need <= small_classes * granule ? (need - 1) / granule : small_classes + steps::index(need);
        while (class_bytes(c) % request.align != 0) ++c;
        return c;
    }

    // Last, so that a compiler that stops reading a class at a failed assertion has seen the rest and says no more.
    static_assert(detail::is_power_of_two(Max) && Max >= 64 && Max <= 65536,
                  "framealloc: pool::fine_size_class<Max> wants a power of two from 64 to 65536");
    static_assert(detail::is_power_of_two(SlabBytes) && SlabBytes >= 4096 && SlabBytes <= (std::size_t{1} << 20),
                  "framealloc: pool::fine_size_class<.., SlabBytes> wants a power of two from 4 KiB to 1 MiB");
    static_assert(Max * 4 <= SlabBytes,
                  "framealloc: pool::fine_size_class<Max, SlabBytes> wants four blocks to a slab");
};

}  // namespace framealloc::pool
