// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/detail/atomic.hpp>
#include <framealloc/frame_chunk.hpp>
#include <framealloc/policy.hpp>

namespace framealloc::inline v0_1::detail {

/// A stack of free blocks of one size class, in a batch, which is aligned to its size: the low bits of `top` alone say
/// whether it is empty, and whether it is full, so that neither test reads memory. A free block's own memory is not touched.
///
///     [ batch | slot | slot | ...      | slot | slot | ]      slots begin a word behind the batch, and there are 2^k - 2,
///             ^ top: empty                           ^ full   so that a full magazine ends a word before a power of two
///
/// A null `top` is empty and full at once, and takes the slow path of both operations; so zero pages are closed magazines.
struct magazine {
    atomic<void**> top{};          ///< the owner writes, others may read for statistics
    std::uintptr_t full_bits = 0;  ///< zero in the place after the top when the magazine is full; see `full_bits_of`

    static constexpr std::size_t batch_bytes = 1024;
    static constexpr std::uintptr_t empty_bits = batch_bytes - 16;  ///< zero in the top of an empty magazine
};

/// What is zero in `top + 1` of a full magazine of 2^k - 2 blocks, and of a null one, and otherwise is not.
[[nodiscard]] constexpr std::uintptr_t full_bits_of(std::size_t capacity) noexcept {
    return (capacity + 2) * sizeof(void*) - 16;
}

/// Blocks in a magazine of a class: 32 KiB worth, rounded down to two less than a power of two; at least 6, at most 126.
[[nodiscard]] constexpr std::size_t magazine_capacity(std::size_t block_bytes) noexcept {
    std::size_t const fit = (std::size_t{32} << 10) / block_bytes;
    std::size_t const power = fit < 8 ? 8 : fit > 128 ? 128 : std::size_t{1} << log2_floor(fit);
    return power - 2;
}

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
    // The next request waits for this one's cursor, so what leads to it is kept short: where the size is a multiple of the
    // alignment, as every type's is, the end is rounded up, and the begin is what lies before it.
    constexpr bool end_is_aligned = Align <= granule || rounded % Align == 0;
    std::uintptr_t const end = end_is_aligned
                                   ? (Align <= granule ? cursor + rounded : round_up(cursor + rounded, Align))
                                   : round_up(cursor, Align) + rounded;
    // Addresses end far below where these sums could wrap.
    if (end > window.limit) [[unlikely]]
        return miss();
    window.move_to(end);
    memory_is_given(end - rounded, end - rounded + Bytes);
    hit();
    return known_pointer(pointer_to<void>(end - rounded));
}

/// The same for a layout that is only known at run time. Zero bytes and impossible requests are the slow path's.
template <class Hit, class Miss>
FRAMEALLOC_HOT void* bump(frame_window& window, std::size_t bytes, std::size_t align, Hit&& hit, Miss&& miss) {
    std::uintptr_t place = window.at();
    std::uintptr_t const limit = window.limit;
    // A bit for each alignment that every place has: 1, 2, 4, 8 and 16. A branch, and not arithmetic that leaves the cursor
    // where it is: the next request waits for this one's cursor.
    constexpr std::uint32_t usual = 1u << 1 | 1u << 2 | 1u << 4 | 1u << 8 | 1u << 16;
    if (align > granule || (usual >> align & 1) == 0) [[unlikely]] {
        std::size_t const mask = align - 1;
        place = (place + mask) & ~mask;
        // A power of two and not too large, in one test: neither has the mask a bit of the alignment, nor one that no mask
        // has. (Written as two, clang 19 counts the alignment's bits, in twenty instructions.) Otherwise nothing is left.
        if ((mask & (align | ~(max_alignment - 1))) != 0 || place > limit) place = limit;
    }
    // Less one, so that a zero wraps to the largest number and is refused by the comparison with what is left.
    std::size_t const last = bytes - 1;
    if (last >= limit - place) [[unlikely]]
        return miss();
    window.move_to(place + round_up(bytes, granule));
    memory_is_given(place, place + bytes);
    hit();
    return known_pointer(pointer_to<void>(place));
}

/// Takes a block from a magazine: calls `hit(block)` and answers it, or what that answers, or answers `miss()`.
template <class Seal, class Hit, class Miss>
FRAMEALLOC_HOT void* pop(magazine& m, Seal& seal, Hit&& hit, Miss&& miss) {
    void** const top = m.top.load(order::relaxed);
    if ((address_of(top) & magazine::empty_bits) == 0) [[unlikely]]
        return miss();
    void* const block = seal.open(top[-1]);
    m.top.store(top - 1, order::relaxed);
    if (Seal::may_be_broken && block == nullptr) [[unlikely]]
        return miss();
    if constexpr (std::is_void_v<decltype(hit(block))>) {
        hit(block);
        return known_pointer(block);
    } else {
        return hit(block);
    }
}

/// Puts a block into a magazine and calls `hit()`, or calls `miss()`. `full_bits` are the magazine's, or the same number
/// from where the compiler knows it.
template <class Seal, class Hit, class Miss>
FRAMEALLOC_HOT void push(magazine& m, std::uintptr_t full_bits, Seal& seal, void* block, Hit&& hit, Miss&& miss) {
    void** const top = m.top.load(order::relaxed);
    void** const next = pointer_to<void*>(address_of(top) + sizeof(void*));
    if ((address_of(next) & full_bits) == 0) [[unlikely]]
        return miss();
    *top = seal.close(block);
    m.top.store(next, order::relaxed);
    hit();
}

}  // namespace framealloc::detail
