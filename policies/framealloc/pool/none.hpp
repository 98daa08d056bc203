// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/policy.hpp>

namespace framealloc::inline v0_1::pool {

/// Pool: none. Every pool request is served by the heap path, and the pool machinery costs no byte.
///
/// Choose it for programs that only live in frames. Not for many small objects: each costs what a heap block costs.
///
///   Cost      that of the heap path.
///   Threads   Stateless.
///   Failure   That of the heap path.
///   Lifetime  A block lives until it is freed.
struct none {
    using family = pool_family;

    static constexpr std::size_t max_bytes = 0;
    static constexpr std::size_t slab_bytes = 0;
    static constexpr std::size_t class_count = 0;

    [[nodiscard]] static constexpr std::size_t class_bytes(std::size_t) noexcept { return 0; }
    [[nodiscard]] static constexpr std::size_t class_for(layout) noexcept { return class_count; }
};

}  // namespace framealloc::pool
