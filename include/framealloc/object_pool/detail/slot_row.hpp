// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/backend_result.hpp>
#include <framealloc/detail/bits.hpp>

namespace framealloc::inline v0_1::detail {

/// Slots of one size, one behind the other.
///
/// A slot's number comes from its address without a division: offsets are multiples of the stride, and an odd number divides
/// exactly by multiplying with its inverse modulo 2^64; what was a power of two in the stride rotates out. An offset that is no
/// multiple comes out larger than any slot's number.
///
///   Cost      `index_of` a subtraction, a multiplication, a rotation.
///   Source    H. S. Warren, "Hacker's Delight", 2nd edition, 2012, section 10-17: test for zero remainder.
struct slot_row {
    std::byte* base = nullptr;
    std::size_t stride = 1;
    std::size_t count = 0;
    std::size_t inverse = 1;
    int zeros = 0;

    constexpr slot_row() noexcept = default;
    /// `slot_stride` is not zero.
    slot_row(void* at, std::size_t slot_stride, std::size_t slots) noexcept
        : base(static_cast<std::byte*>(at)), stride(slot_stride), count(slots), zeros(std::countr_zero(slot_stride)) {
        std::size_t const odd = stride >> zeros;
        inverse = odd;  // right in three bits; each step doubles them
        for (int bits = 3; bits < 64; bits *= 2) inverse *= 2 - odd * inverse;
    }

    /// The number of the slot that begins at `p`; `count` or more where none does.
    [[nodiscard]] std::size_t index_of(void const* p) const noexcept {
        return std::rotr((address_of(p) - address_of(base)) * inverse, zeros);
    }
    [[nodiscard]] void* slot(std::size_t index) const noexcept { return base + index * stride; }
    [[nodiscard]] std::byte* end() const noexcept { return base + count * stride; }
    [[nodiscard]] bool spans(void const* p) const noexcept { return address_of(p) - address_of(base) < count * stride; }
};

/// Whether a slot has an object.
enum class object_slot_state : unsigned char { never_used, live, pending, free };

/// Memory of a pool in one block of its backend: this, what is kept beside the slots, and the slots.
struct object_chunk {
    slot_row row;
    void* beside = nullptr;         ///< the slot policy's
    unsigned char* made = nullptr;  ///< of each slot: it has an object that is kept; null where none are
    std::uint64_t* bits = nullptr;  ///< of each slot: for who looks for what is alive; null where nobody does
    void* records = nullptr;        ///< of each slot; null where nobody keeps any
    object_chunk* next = nullptr;   ///< in the order in which they came
    std::size_t carved = 0;         ///< the slot policy's: slots that have been given out at least once
    std::size_t counted = 0;        ///< for who counts something in passing
    layout whole{};
    giver_byte giver = 0;
    bool leaves = false;  ///< on its way back to the backend
};

}  // namespace framealloc::detail
