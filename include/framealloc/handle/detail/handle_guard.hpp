// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/detail/backend_gate.hpp>
#include <framealloc/detail/call_site.hpp>
#include <framealloc/handle/detail/handle_kind.hpp>

namespace framealloc::inline v0_1::detail {

/// Where blocks are guarded: each block of a slab has pages of its own, which cannot be touched while it is free. Who keeps an
/// address beyond a move, or a free, is told by the access itself.
///
///   Cost      A system call when a block is taken, and one when it is given back; a page at least for each.
///   Threads   One at a time; the instance's lock is held.
///   Failure   Where the system has no more mappings, all blocks of the slab can be touched from then on.
template <class A>
class handle_guard {
    // Where pages are larger than blocks may be, guarding would turn what is moved into what is not.
    static constexpr std::size_t largest_page = handle_kind::largest_block;
    /// A slab's pages take some 16 mappings, of which the system allows a process some 65,530: the rest is for others.
    static constexpr std::size_t most_slabs = 512;

public:
    static constexpr bool is_there = guards_blocks<A> && backend_gate<A>::is_virtual;

    /// Blocks begin at multiples of it, and no two meet in it.
    [[nodiscard]] static std::size_t step() noexcept {
        if constexpr (is_there) return platform::page_bytes() <= largest_page ? platform::page_bytes() : least_step;
        return least_step;
    }

    void slab_made([[maybe_unused]] handle_slab& s) noexcept {
        if constexpr (is_there) {
            // What lay here before may have left pages that cannot be touched.
            s.is_guarded = step() != least_step && slabs_ < most_slabs &&
                           platform::forbid(s.block(0), handle_slab::unit_bytes - s.kind->first_block);
            if (s.is_guarded) {
                ++slabs_;
            } else {
                static_cast<void>(allow_all(s));
            }
        }
    }
    void slab_ended([[maybe_unused]] handle_slab const& s) noexcept {
        if constexpr (is_there) slabs_ -= s.is_guarded;
    }
    /// False: it cannot be touched, and is not to be given out.
    [[nodiscard]] bool taken([[maybe_unused]] handle_slab& s, [[maybe_unused]] std::uint32_t block) noexcept {
        if constexpr (is_there) {
            if (!s.is_guarded || platform::commit(s.block(block), s.kind->stride)) return true;
            // One protection for all needs fewer mappings, not more.
            if (!allow_all(s)) return false;
            s.is_guarded = false;
            --slabs_;
        }
        return true;
    }
    static void given_back([[maybe_unused]] handle_slab& s, [[maybe_unused]] std::uint32_t block) noexcept {
        if constexpr (is_there) {
            // Where it fails, it can be touched.
            if (s.is_guarded) static_cast<void>(platform::forbid(s.block(block), s.kind->stride));
        }
    }
    /// Before a backend has the memory again.
    static void memory_leaves([[maybe_unused]] void* p, [[maybe_unused]] std::size_t bytes) noexcept {
        if constexpr (is_there) static_cast<void>(platform::commit(p, bytes));
    }

private:
    static constexpr std::size_t least_step = handle_kind::least_step;

    [[nodiscard]] static bool allow_all(handle_slab& s) noexcept {
        return platform::commit(s.block(0), handle_slab::unit_bytes - s.kind->first_block);
    }

    std::size_t slabs_ = 0;  ///< that are guarded
};

}  // namespace framealloc::detail
