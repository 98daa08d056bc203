// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/detail/bits.hpp>
#include <framealloc/detail/call_site.hpp>
#include <framealloc/detail/sanitizer.hpp>
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
    std::uint64_t shape;  ///< bytes asked for, and below them, in 8 bits, the logarithm of `object - raw`
    std::uint64_t
        more;  ///< frames: the record before it. Pools and heap, alive: `block_holder`; freed: where it was freed
    std::uint64_t guard;  ///< the state, mixed with the words above and with the record's own address

    static constexpr std::uint64_t alive = 0xDEADBEEFCAFEBABE;
    static constexpr std::uint64_t freed = 0xFEE1DEAD0CD0CD0C;
    static constexpr std::size_t canary_bytes = 8;

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

/// Who has a block of a pool or of the heap.
struct block_holder {
    std::uint64_t bits;
    [[nodiscard]] static constexpr block_holder of(unsigned long long thread, std::uint8_t tag,
                                                   unsigned long long frame) noexcept {
        return {(thread & 0xFFFF) << 48 | std::uint64_t{tag} << 40 | (frame & ((std::uint64_t{1} << 40) - 1))};
    }
    [[nodiscard]] constexpr unsigned long long thread() const noexcept { return bits >> 48; }
    [[nodiscard]] constexpr std::uint8_t tag() const noexcept { return static_cast<std::uint8_t>(bits >> 40); }
    [[nodiscard]] constexpr unsigned long long frame() const noexcept { return bits & ((std::uint64_t{1} << 40) - 1); }
};

/// Lets us look at, and write, what surrounds an object, which the tools that watch memory forbid otherwise.
FRAMEALLOC_HOT void open_surroundings(std::uintptr_t raw, std::uintptr_t object, std::uintptr_t end,
                                      std::uintptr_t until) noexcept {
    memory_is_ours(raw, object);
    memory_is_ours(end, until);
}
FRAMEALLOC_HOT void close_surroundings(std::uintptr_t raw, std::uintptr_t object, std::uintptr_t end,
                                       std::uintptr_t until) noexcept {
    memory_is_forbidden(raw, object);
    memory_is_forbidden(end, until);
}

/// Writes the canary from the end of an object to `until`.
FRAMEALLOC_HOT void write_canary(std::uintptr_t end, std::uintptr_t until) noexcept {
    // memcpy, because an object may end anywhere.
    constexpr std::uint64_t pattern = block_record::alive;
    while (until - end >= 8) {
        __builtin_memcpy(pointer_to<void>(end), &pattern, 8);
        end += 8;
    }
    __builtin_memcpy(pointer_to<void>(end), &pattern, until - end);
}

/// The first byte of the canary that is not as it was written; `until` where all are.
[[nodiscard]] inline std::uintptr_t find_overflow(std::uintptr_t end, std::uintptr_t until) noexcept {
    for (std::uintptr_t at = end; at < until; ++at) {
        if (*pointer_to<unsigned char const>(at) != block_record::canary_at(at - end)) return at;
    }
    return until;
}

/// How far below the object the lowest byte of a damaged guard lies, and which byte it is now.
struct guard_damage {
    std::size_t distance;
    unsigned char found;
};
[[nodiscard]] inline guard_damage look_at_guard(block_record const& r, std::uint64_t state) noexcept {
    std::uint64_t const wrong = r.guard ^ r.guard_for(state);
    // The byte that is nearest to the object: the highest, as the system is little-endian.
    unsigned const byte = log2_floor(wrong | 1) / 8;
    return {.distance = 8 - byte, .found = static_cast<unsigned char>(r.guard >> (byte * 8))};
}

/// 0xCD is what memory is filled with that has been freed.
inline constexpr unsigned char freed_byte = 0xCD;

/// The first byte in `[begin, end)` that is not as a free has left it; `end` where all are.
[[nodiscard]] inline std::uintptr_t find_late_write(std::uintptr_t begin, std::uintptr_t end) noexcept {
    constexpr std::uint64_t eight = 0xCDCDCDCDCDCDCDCD;
    std::uintptr_t at = begin;
    for (; end - at >= 8; at += 8) {
        std::uint64_t seen;
        __builtin_memcpy(&seen, pointer_to<void>(at), 8);
        if (seen != eight) break;
    }
    while (at < end && *pointer_to<unsigned char const>(at) == freed_byte) ++at;
    return at;
}

}  // namespace framealloc::detail
