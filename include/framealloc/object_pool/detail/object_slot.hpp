// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/object_pool/sharing.hpp>

namespace framealloc::inline v0_1::detail {

/// What lies in a slot: the object; behind it the control of its handles, where it can be shared; and behind that a link, where
/// the object cannot lend its memory for one: because it stays constructed while its slot is free, or waits for its end.
template <class T, class A>
struct object_slot {
    static constexpr bool counts = A::sharing::counts;
    static constexpr bool links_behind = A::drop::defers || (A::slots::links_slots && A::initialiser::keeps);
    static constexpr bool links_within = A::slots::links_slots && !links_behind;

    static constexpr std::size_t control_end = [] {
        if constexpr (counts) {
            return object_control_at<T> + sizeof(typename A::sharing::control);
        } else {
            return sizeof(T);
        }
    }();
    static constexpr std::size_t link_at = links_behind ? round_up(control_end, alignof(void*)) : 0;
    static constexpr std::size_t bytes = links_behind                                  ? link_at + sizeof(void*)
                                         : links_within && control_end < sizeof(void*) ? sizeof(void*)
                                                                                       : control_end;
    static constexpr std::size_t align =
        (counts || links_behind || links_within) && alignof(T) < alignof(void*) ? alignof(void*) : alignof(T);

    /// Bytes of the object that a free slot uses itself.
    static constexpr std::size_t used_while_free = links_within ? sizeof(void*) : 0;
};

/// What lies in a chunk of `count` slots, in the order of the offsets.
struct chunk_layout {
    layout whole{};
    std::size_t beside = 0, made = 0, bits = 0, records = 0, slots = 0;

    [[nodiscard]] constexpr bool is_possible() const noexcept { return whole.is_possible(); }
};

template <class A, std::size_t RecordBytes>
[[nodiscard]] constexpr chunk_layout layout_of_chunk(std::size_t count, layout slot, bool wants_bits) noexcept {
    chunk_layout c;
    layout whole = layout::of<object_chunk>();
    whole = whole.extend(A::slots::beside(count), c.beside);
    whole = whole.extend(layout::array_of<std::uint64_t>(wants_bits ? count / 64 + (count % 64 != 0) : 0), c.bits);
    if constexpr (RecordBytes != 0) {
        struct alignas(void*) record {
            std::byte bytes[RecordBytes];
        };
        whole = whole.extend(layout::array_of<record>(count), c.records);
    }
    whole = whole.extend(layout::array_of<unsigned char>(A::initialiser::keeps ? count : 0), c.made);
    bool const fits = slot.bytes <= SIZE_MAX / count;
    whole = whole.extend({.bytes = fits ? slot.bytes * count : SIZE_MAX, .align = slot.align}, c.slots);
    c.whole = whole;
    return c;
}

}  // namespace framealloc::detail
