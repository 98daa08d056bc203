// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/object_pool/detail/object_assembly.hpp>
#include <framealloc/object_pool/detail/object_records.hpp>
#include <framealloc/object_pool/detail/object_slot.hpp>
#include <framealloc/object_pool/hooks.hpp>

namespace framealloc::inline v0_1::detail {

/// What follows from a type and the policies of its pool.
template <class T, class A>
struct object_traits {
    using slot = object_slot<T, A>;
    using record = object_record<A>;

    static constexpr bool checks = keeps_records<A>;
    static constexpr bool counts = A::diagnostics::counts_operations;
    static constexpr bool defers = A::drop::defers;
    static constexpr bool shares = A::sharing::counts;
    static constexpr bool keeps = A::initialiser::keeps;
    static constexpr bool grows = A::storage::grows;
    /// Free slots are filled, and looked at when they are given out.
    static constexpr bool fills = A::diagnostics::fills_released && checks && !keeps;
    /// Who is alive as the pool ends has to be found.
    static constexpr bool ends_objects = !std::is_trivially_destructible_v<T> || has_release_hook<T>;

    static constexpr bool resets_quietly = [] {
        if constexpr (keeps) {
            return A::initialiser::template resets_quietly<T>();
        } else {
            return true;
        }
    }();
    static constexpr bool ends_quietly = releases_quietly<T> && resets_quietly;

    static constexpr std::size_t record_bytes = checks ? sizeof(record) : 0;
    static constexpr layout slot_layout{.bytes = round_up(slot::bytes, slot::align), .align = slot::align};
    [[nodiscard]] static constexpr chunk_layout chunk_of(std::size_t slots, layout each) noexcept {
        return layout_of_chunk<A, record_bytes>(slots, each, ends_objects);
    }
    static constexpr std::size_t slots_within = A::storage::slots_within;
    static constexpr chunk_layout within = chunk_of(slots_within == 0 ? 1 : slots_within, slot_layout);
    static_assert(within.is_possible(),
                  "framealloc: storage::in_place<N> comes to more bytes than any object may have");

    [[nodiscard]] static auto& control_of(void* object) noexcept
        requires shares
    {
        return *static_cast<typename A::sharing::control*>(behind(object, object_control_at<T>));
    }
    /// Fills a free slot, so that late writes are seen.
    FRAMEALLOC_HOT static void fill(void* place) noexcept {
        if constexpr (fills) __builtin_memset(place, freed_byte, sizeof(T));
    }
    /// Forbids the bytes of an object that is none, as far as the slot does not use them itself.
    FRAMEALLOC_HOT static void forbid(void* place) noexcept {
        if constexpr (!keeps && sizeof(T) > slot::used_while_free) {
            memory_is_forbidden(behind(place, slot::used_while_free), sizeof(T) - slot::used_while_free);
        }
    }
};

}  // namespace framealloc::detail
