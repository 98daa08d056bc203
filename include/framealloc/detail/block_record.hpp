// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/detail/bits.hpp>
#include <framealloc/detail/call_site.hpp>
#include <framealloc/layout.hpp>

#include <cstddef>
#include <cstdint>

namespace framealloc::inline v0_1::detail {

/// What is known of a block where records are kept, directly below the address that the program has, and what shows that
/// somebody wrote beside it.
///
///     raw                             object           end
///     [ padding for alignment | record | what was asked | canary, at least 8 bytes ]
///
/// The record ends with its guard, so that a write before the object meets it first; the canary begins at the very byte
/// behind what was asked for, so that one byte too many is seen, whatever the size class.
struct block_record {
    void const* site;     ///< where it was allocated
    std::uint64_t shape;  ///< bytes asked for, and below them, in 8 bits, `left` and the logarithm of `object - raw`
    std::uint64_t
        more;  ///< frames: the record before it. Pools and heap, alive: `block_holder`; freed: where it was freed
    std::uint64_t guard;  ///< the state, mixed with the words above and with the record's own address

    static constexpr std::uint64_t alive = 0xDEADBEEFCAFEBABE;
    static constexpr std::uint64_t freed = 0xFEE1DEAD0CD0CD0C;
    static constexpr std::size_t canary_bytes = 8;
    static constexpr std::uint64_t left = 64;  ///< of an object in a frame: it has been moved out of it

    /// Bytes between the block's begin and the object.
    [[nodiscard]] static constexpr std::size_t offset_for(std::size_t align) noexcept {
        return align <= 32 ? 32 : align;
    }
    /// What has to be had for `asked`. What is impossible stays so.
    [[nodiscard]] static constexpr layout around(layout asked) noexcept {
        if (!asked.is_possible()) return {.bytes = SIZE_MAX, .align = asked.align};
        return {.bytes = offset_for(asked.align) + asked.bytes + canary_bytes, .align = asked.align};
    }
    [[nodiscard]] static constexpr std::uint64_t shape_of(layout asked) noexcept {
        return asked.bytes << 8 | log2_floor(offset_for(asked.align));
    }

    [[nodiscard]] static block_record& of(void const* object) noexcept {
        return *pointer_to<block_record>(address_of(object) - sizeof(block_record));
    }

    [[nodiscard]] std::size_t bytes() const noexcept { return shape >> 8; }
    [[nodiscard]] std::size_t offset() const noexcept { return std::size_t{1} << (shape & 63); }
    [[nodiscard]] std::uintptr_t object() const noexcept { return address_of(this) + sizeof(block_record); }
    [[nodiscard]] std::uintptr_t raw() const noexcept { return object() - offset(); }
    [[nodiscard]] std::uintptr_t end() const noexcept { return object() + bytes(); }
    [[nodiscard]] std::uint64_t guard_for(std::uint64_t state) const noexcept {
        return guard_at(address_of(this), state);
    }
    /// The same for a copy of what lies at `address`.
    [[nodiscard]] std::uint64_t guard_at(std::uintptr_t address, std::uint64_t state) const noexcept {
        return state ^ shape ^ more ^ address;
    }
    [[nodiscard]] bool has_left() const noexcept { return (shape & left) != 0; }
    void leave() noexcept {
        shape |= left;
        guard = guard_for(alive);
    }
    [[nodiscard]] bool is(std::uint64_t state) const noexcept { return guard == guard_for(state); }

    /// The canary's byte at `distance` behind the object.
    [[nodiscard]] static constexpr unsigned char canary_at(std::size_t distance) noexcept {
        return static_cast<unsigned char>(alive >> (distance % 8 * 8));
    }
};
static_assert(sizeof(block_record) == 32);

/// What has to be had where the program asks for `request`.
template <class A>
[[nodiscard]] constexpr layout whole_of(layout request) noexcept {
    return keeps_records<A> ? block_record::around(request) : request;
}

}  // namespace framealloc::detail
