// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/detail/page_map.hpp>
#include <framealloc/detail/pool_charges.hpp>
#include <framealloc/detail/sanitizer.hpp>
#include <framealloc/detail/slab.hpp>

// What the tools are told of pool blocks. From the free until the next allocation a block is forbidden, wherever it is: in a
// magazine, a reserve, a depot or its slab. None of these touches it, so nothing has to be told there.

namespace framealloc::inline v0_1::detail {

template <class A>
class core;

template <class A>
FRAMEALLOC_HOT void pool_block_is_given([[maybe_unused]] core<A>& owner, [[maybe_unused]] void* block,
                                        [[maybe_unused]] std::size_t bytes) noexcept {
    if constexpr (memory_tool) block_is_given(owner.handle(), block, bytes);
}

/// For assemblies that do not check blocks themselves. What is no block of the instance is not its memory: then only a tool
/// that keeps a list of blocks has something to say.
template <class A>
FRAMEALLOC_HOT void pool_block_is_given_back([[maybe_unused]] core<A>& owner, [[maybe_unused]] void* block,
                                             [[maybe_unused]] std::size_t c) noexcept {
    if constexpr (memory_tool) {
        bool may_be_free = true;
        std::size_t bytes = 0;
        if (owner.map().kind_of(block) == address_kind::slab) {
            slab<A> const& s = *slab<A>::of(block);
            if (s.instance == owner.handle() && s.is_block(block)) {
                if constexpr (charges_tags<typename A::budget>) {
                    if (tag_of_block<A>(block, s.size_class).read() == no_tag) return;  // free already: reported by us
                    may_be_free = false;
                }
                bytes = s.shape->block_bytes;  // its own, whatever it is freed as
            }
        }
        may_be_free ? block_is_given_back_once(owner.handle(), block, bytes)
                    : block_is_given_back(owner.handle(), block, bytes);
    }
}

}  // namespace framealloc::detail
