// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/detail/slab.hpp>

namespace framealloc::inline v0_1::detail {

/// A slab whose head lies apart:
///
///     [ head | cannot be touched | block 0 | ... | cannot be touched ]
///
/// so that writing on and on traps before it reaches the head of this slab, or of the next.
///
///   Cost      A system call per guard when a slab is made, and when it is given up.
///   Failure   Where the system refuses, for want of mappings or because its pages are larger, the guard is a gap.
template <class A>
struct slab_guards<A, true> {
    static constexpr std::size_t bytes = A::diagnostics::head_guard_bytes;

    [[nodiscard]] static constexpr std::size_t behind_head(std::size_t head_bytes) noexcept {
        return round_up(head_bytes, bytes) + bytes;
    }
    static constexpr std::size_t behind_blocks = bytes;

    static void raise(slab<A>& s) noexcept {
        for_each(s, [](void* p) { static_cast<void>(platform::forbid(p, bytes)); });
    }
    static void lower(slab<A>& s) noexcept {
        for_each(s, [](void* p) { static_cast<void>(platform::commit(p, bytes)); });
    }

private:
    template <class F>
    static void for_each(slab<A>& s, F&& f) noexcept {
        if (platform::page_bytes() > bytes) return;
        f(behind(&s, round_up(slab<A>::head_bytes(s.size_class), bytes)));
        f(behind(&s, A::pool::slab_bytes - bytes));
    }
};

}  // namespace framealloc::detail
