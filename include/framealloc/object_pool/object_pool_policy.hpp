// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

// The families of policies that object pools have of their own. Backend, sync and diagnostics are those of allocators.

#include <framealloc/detail/platform/compiler.hpp>
#include <framealloc/object_pool/detail/chunk_directory.hpp>
#include <framealloc/policy.hpp>

namespace framealloc::inline v0_1 {

struct object_storage_family {};
struct object_slots_family {};
struct object_initialiser_family {};
struct object_sharing_family {};
struct object_drop_family {};

/// Which slots of a pool are free. `add` hands a chunk over; `take` answers a free slot or null; `give` takes one back. The first
/// `carved` slots of a chunk were ever given out, at most, and `for_each_free` tells which of them are free: as a pool ends, the
/// others are alive. An engine that `grows` is handed several chunks, and lets go of those that are free. Slots are known by their addresses: a number would have to
/// be made into one at every call.
template <class S>
concept SlotAllocator =
    in_family<S, object_slots_family> &&
    requires(typename S::template engine<0>& e, typename S::template engine<0> const& seen, detail::object_chunk& c,
             detail::chunk_directory const& all, void* slot, void (*f)(void*)) {
        { S::beside(std::size_t{}) } noexcept -> std::same_as<layout>;
        { e.add(c, all) } noexcept;
        { e.take() } noexcept -> std::same_as<void*>;
        { e.give(slot) } noexcept;
        { seen.available() } noexcept -> std::same_as<std::size_t>;
        { seen.carved(c) } noexcept -> std::same_as<std::size_t>;
        { seen.for_each_free(f) } noexcept;
        typename std::bool_constant<S::links_slots>;
        typename std::bool_constant<S::grows>;
        typename std::bool_constant<S::knows_live>;
        typename std::bool_constant<S::is_lock_free>;
    };

}  // namespace framealloc
