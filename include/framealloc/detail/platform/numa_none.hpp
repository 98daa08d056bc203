// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

// Where the system has no notion of nodes: one, and no way to choose. See numa.hpp for the contract.

#include <framealloc/detail/platform/numa_mask.hpp>

#include <cstddef>

namespace framealloc::inline v0_1::detail::platform {

inline bool numa_usable_nodes(numa_mask&) noexcept { return false; }
inline unsigned numa_current_node() noexcept { return 0; }
template <class F>
void numa_distances(unsigned, F&&) noexcept {}
inline bool numa_prefer(void*, std::size_t, numa_mask const&) noexcept { return false; }
inline bool numa_interleave(void*, std::size_t, numa_mask const&) noexcept { return false; }
inline int numa_node_of_page(void const*) noexcept { return numa_not_told; }

}  // namespace framealloc::detail::platform
