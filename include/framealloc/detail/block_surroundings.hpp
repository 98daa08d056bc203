// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/detail/block_record.hpp>
#include <framealloc/detail/sanitizer.hpp>

// What is done with what surrounds an object: writing it, looking at it, and keeping the tools that watch memory informed.

namespace framealloc::inline v0_1::detail {

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

/// How far memory is filled with a word again and again, from `at` on, in whole words.
[[nodiscard]] FRAMEALLOC_HOT std::uintptr_t skip_words(std::uintptr_t at, std::uintptr_t end,
                                                       std::uint64_t word) noexcept {
    for (; end - at >= 32; at += 32) {
        std::uint64_t seen[4];
        __builtin_memcpy(seen, pointer_to<void>(at), 32);
        if (((seen[0] ^ word) | (seen[1] ^ word) | (seen[2] ^ word) | (seen[3] ^ word)) != 0) break;
    }
    for (; end - at >= 8; at += 8) {
        std::uint64_t seen;
        __builtin_memcpy(&seen, pointer_to<void>(at), 8);
        if (seen != word) break;
    }
    return at;
}

/// The first byte of the canary that is not as it was written; `until` where all are.
[[nodiscard]] inline std::uintptr_t find_overflow(std::uintptr_t end, std::uintptr_t until) noexcept {
    std::uintptr_t at = skip_words(end, until, block_record::alive);
    while (at < until && *pointer_to<unsigned char const>(at) == block_record::canary_at(at - end)) ++at;
    return at;
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
    std::uintptr_t at = skip_words(begin, end, 0xCDCDCDCDCDCDCDCD);
    while (at < end && *pointer_to<unsigned char const>(at) == freed_byte) ++at;
    return at;
}

}  // namespace framealloc::detail
