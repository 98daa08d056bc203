// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/detail/page_map.hpp>
#include <framealloc/detail/sanitizer.hpp>
#include <framealloc/detail/slab.hpp>
#include <framealloc/detail/tag_hooks.hpp>

// What the tools are told of pool blocks. From the free until the next allocation a block is forbidden, wherever it is: in a
// magazine, a reserve, a depot or its slab. None of these touches it, so nothing has to be told there.

namespace framealloc::inline v0_1::detail {

#if FRAMEALLOC_MEMORY_TOOL
template <class A>
FRAMEALLOC_HOT void pool_block_is_given(core<A>& owner, void* block, std::size_t bytes) noexcept {
    block_is_given(owner.handle(), block, bytes);
}

/// For assemblies that do not check blocks themselves. What is no block of the instance is not its memory: then only a tool
/// that keeps a list of blocks has something to say.
template <class A>
FRAMEALLOC_HOT void pool_block_is_given_back(core<A>& owner, void* block, std::size_t) noexcept {
    if (owner.map().kind_of(block) != address_kind::slab) return block_is_given_back(owner.handle(), block, 0);
    slab<A> const& s = *slab<A>::of(block);
    if (s.instance != owner.handle() || !s.is_block(block)) return block_is_given_back(owner.handle(), block, 0);
    std::size_t const bytes = s.shape->block_bytes;  // its own, whatever it is freed as
    if constexpr (charges_tags<typename A::budget>) {
        // A second free changes nothing, and is reported by us.
        if (tag_of_block<A>(block, s.size_class).read() != no_tag) block_is_given_back(owner.handle(), block, bytes);
    } else {
        block_is_given_back_once(owner.handle(), block, bytes);
    }
}
#else
template <class A, class... N>
FRAMEALLOC_HOT void pool_block_is_given(core<A>&, N...) noexcept {}
template <class A, class... N>
FRAMEALLOC_HOT void pool_block_is_given_back(core<A>&, N...) noexcept {}
#endif

}  // namespace framealloc::detail
