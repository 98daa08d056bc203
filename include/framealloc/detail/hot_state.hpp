// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/detail/atomic.hpp>
#include <framealloc/frame_chunk.hpp>
#include <framealloc/policy.hpp>

namespace framealloc::inline v0_1::detail {

/// A stack of free blocks of one size class: pointers between `bottom` and `top`, with room up to `full`. The one variable
/// that changes is `top`; a free block's own memory is not touched. With all three null it is empty and full at once, so
/// that both operations take the slow path.
struct magazine {
    atomic<void**> top{};     ///< the owner writes, others may read for statistics
    void** bottom = nullptr;  ///< the owner's alone, as is `full`
    void** full = nullptr;
};

/// What the hot paths touch of a thread's state. It is the same type for every assembly, so that one object of it, closed
/// for good, can stand in wherever a thread has no state yet: it refuses everything by the comparisons that the hot paths
/// make anyway, and so the way to a thread's state needs no test at all.
struct hot_state {
    frame_window window;
    magazine magazines[max_pool_classes];
};

/// Never written: nothing is written before a comparison has let it pass, and this one lets nothing pass.
inline constinit hot_state closed_state{};

/// `p`, of which the compiler learns that it is not null: whoever tests what a hot path gave tests nothing.
[[nodiscard]] FRAMEALLOC_HOT void* known_pointer(void* p) noexcept {
    if (p == nullptr) __builtin_unreachable();
    return p;
}

/// Serves a frame request whose layout is known to the compiler: calls `hit()` and answers the memory, or answers `miss()`.
template <std::size_t Bytes, std::size_t Align, class Hit, class Miss>
FRAMEALLOC_HOT void* bump(frame_window& window, Hit&& hit, Miss&& miss) {
    static_assert(Bytes <= max_request_bytes / 2 && is_power_of_two(Align) && Align <= max_alignment,
                  "framealloc: no allocator can honour the size or the alignment of this type");
    constexpr std::size_t rounded = round_up(Bytes != 0 ? Bytes : 1, granule);
    std::uintptr_t const cursor = window.at();
    std::uintptr_t const place = Align <= granule ? cursor : round_up(cursor, Align);
    // Addresses end far below where these sums could wrap.
    if (place + rounded > window.limit) [[unlikely]]
        return miss();
    window.move_to(place + rounded);
    hit();
    return known_pointer(pointer_to<void>(place));
}

/// The same for a layout that is only known at run time. Zero bytes and impossible requests are the slow path's.
template <class Hit, class Miss>
FRAMEALLOC_HOT void* bump(frame_window& window, std::size_t bytes, std::size_t align, Hit&& hit, Miss&& miss) {
    std::uintptr_t const cursor = window.at();
    std::uintptr_t const limit = window.limit;
    std::size_t const mask = align - 1;
    // A power of two and not too large, in one test: neither has the mask a bit of the alignment, nor one that no mask has.
    // (Written as two, clang 19 counts the alignment's bits, in twenty instructions.)
    bool const possible = (mask & (align | ~(max_alignment - 1))) == 0;
    // Less one, so that a zero wraps to the largest number and is refused by the comparison with what is left.
    std::size_t const last = bytes - 1;
    std::uintptr_t place = cursor;
    // A branch, and not arithmetic that leaves the cursor where it is: the next request waits for this one's cursor.
    if (align > granule) [[unlikely]] {
        place = (cursor + mask) & ~mask;
        if (place > limit) [[unlikely]]
            return miss();
    }
    if (!possible || last >= limit - place) [[unlikely]]
        return miss();
    window.move_to(place + (last | (granule - 1)) + 1);
    hit();
    return known_pointer(pointer_to<void>(place));
}

/// Takes a block from a magazine: calls `hit(block)` and answers it, or answers `miss()`.
template <class Hit, class Miss>
FRAMEALLOC_HOT void* pop(magazine& m, Hit&& hit, Miss&& miss) {
    void** const top = m.top.load(order::relaxed);
    if (top == m.bottom) [[unlikely]]
        return miss();
    void* const block = top[-1];
    m.top.store(top - 1, order::relaxed);
    hit(block);
    return known_pointer(block);
}

/// Puts a block into a magazine and calls `hit()`, or calls `miss()`.
template <class Hit, class Miss>
FRAMEALLOC_HOT void push(magazine& m, void* block, Hit&& hit, Miss&& miss) {
    void** const top = m.top.load(order::relaxed);
    if (top == m.full) [[unlikely]]
        return miss();
    *top = block;
    m.top.store(top + 1, order::relaxed);
    hit();
}

}  // namespace framealloc::detail
