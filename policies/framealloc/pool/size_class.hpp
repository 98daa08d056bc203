// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/policy.hpp>

namespace framealloc::inline v0_1::pool {

/// Pool: size classes that are powers of two, from `Min` to `Max` bytes, in slabs of `SlabBytes`. The default.
///
/// Choose it when speed matters more than the bytes lost to rounding: a class is two instructions away from a size, and
/// every block is aligned to its own size. Not when memory is tight: rounding loses up to half, a quarter on average.
///
///   Cost      O(1); with a type or a constant size the class is known at compile time.
///   Threads   The class table is stateless.
///   Failure   A request above `Max`, in bytes or alignment, is the heap's.
///   Lifetime  A block lives until it is freed.
///   Source    J. Bonwick, "The Slab Allocator", USENIX Summer 1994.
template <std::size_t Min = 8, std::size_t Max = 4096, std::size_t SlabBytes = (std::size_t{64} << 10)>
struct size_class {
    using family = pool_family;

    static constexpr std::size_t max_bytes = Max;
    static constexpr std::size_t slab_bytes = SlabBytes;
    static constexpr std::size_t class_count = detail::log2_floor(Max) - detail::log2_floor(Min) + 1;

    [[nodiscard]] static constexpr std::size_t class_bytes(std::size_t c) noexcept { return Min << c; }

    [[nodiscard]] static constexpr std::size_t class_for(layout request) noexcept {
        // Below a power of two the highest bit of the larger of two numbers is that of both together; so is `Min` taken in.
        std::size_t const last = (request.bytes - (request.bytes != 0)) | (request.align - 1) | (Min - 1);
        if (last >= Max) return class_count;
        // Not log2_floor, whose narrow answer would have to be widened.
        return static_cast<std::size_t>(std::bit_width(last)) - detail::log2_floor(Min);
    }

    // Last, so that a compiler that stops reading a class at a failed assertion has seen the rest and says no more.
    static_assert(detail::is_power_of_two(Min) && detail::is_power_of_two(Max) && Min >= 8 && Min <= Max,
                  "framealloc: pool::size_class<Min, Max> wants powers of two, from 8 up, Min no larger than Max");
    static_assert(detail::is_power_of_two(SlabBytes) && SlabBytes >= 4096 && SlabBytes <= (std::size_t{1} << 20),
                  "framealloc: pool::size_class<.., SlabBytes> wants a power of two from 4 KiB to 1 MiB");
    static_assert(Max * 4 <= SlabBytes, "framealloc: pool::size_class<.., Max, SlabBytes> wants four blocks to a slab");
};

}  // namespace framealloc::pool
