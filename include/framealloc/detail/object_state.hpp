// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/detail/bits.hpp>
#include <framealloc/detail/places.hpp>
#include <framealloc/fault.hpp>

#include <cstddef>
#include <cstdint>

// What `checked<T>` and `guarded<T>` say and look at.

namespace framealloc::inline v0_1::detail {

/// What a `checked<T>` is. One whose own life is over is filled, its state word with it.
enum class object_state : std::uint64_t {
    alive = 0xDEADBEEFCAFEBABE,
    moved = 0x600DB1EE600DB1EE,
    ended = 0x0B1EC7E4DED0B1EC,  ///< the object has been destroyed, and what held it is there
    destroyed = 0xCDCDCDCDCDCDCDCD,
};

/// As it lies in memory: the compiler must not conclude from the object's life what it finds there.
[[nodiscard]] inline object_state read_state(object_state const& state) noexcept {
    object_state seen;
    __atomic_load(&state, &seen, __ATOMIC_RELAXED);
    return seen;
}
/// Fills what held an object. It has an effect, though the object that the bytes belong to ends.
inline void fill_destroyed(void* p, std::size_t bytes) noexcept {
    __builtin_memset(p, 0xCD, bytes);
    asm volatile("" : : "r"(p) : "memory");
}

FRAMEALLOC_COLD inline void report_state(void const* object, std::size_t bytes, object_state found, void const* site) {
    fault_sites const sites{.mistake_at = site, .write = &write_places_of_block};
    report({.code = fault_code::object_not_alive,
            .note = found == object_state::destroyed || found == object_state::ended
                        ? "the object at 0x%llx, of %llu bytes, has been destroyed"
                    : found == object_state::moved
                        ? "the object at 0x%llx, of %llu bytes, has been moved from"
                        : "at 0x%llx there is no object of %llu bytes, or its state word was "
                          "written over: it is 0x%016llx",
            .numbers = {address_of(object), bytes, static_cast<unsigned long long>(found)},
            .stops = true,
            .sites = &sites});
}

/// The canary's byte at a distance from the object, in either direction.
[[nodiscard]] constexpr unsigned char guard_byte(std::size_t distance) noexcept {
    return static_cast<unsigned char>(0xDEADBEEFCAFEBABEu >> (distance % 8 * 8));
}

/// Below an object: the highest wrong byte, the one nearest to it; `bytes` where all are right.
[[nodiscard]] inline std::size_t find_damage_below(unsigned char const* guard, std::size_t bytes) noexcept {
    for (std::size_t distance = 0; distance < bytes; ++distance) {
        if (guard[bytes - 1 - distance] != guard_byte(distance)) return distance;
    }
    return bytes;
}
[[nodiscard]] inline std::size_t find_damage_behind(unsigned char const* guard, std::size_t bytes) noexcept {
    for (std::size_t distance = 0; distance < bytes; ++distance) {
        if (guard[distance] != guard_byte(distance)) return distance;
    }
    return bytes;
}

FRAMEALLOC_COLD inline void report_guard_below(void const* object, std::size_t distance, unsigned char found,
                                               void const* site) {
    fault_sites const sites{.mistake_at = site, .write = &write_places_of_block};
    report({.code = fault_code::underflow,
            .note = "the object at 0x%llx was written before its begin: the byte %llu below it is 0x%02llx",
            .numbers = {address_of(object), distance + 1, found},
            .stops = true,
            .sites = &sites});
}
FRAMEALLOC_COLD inline void report_guard_behind(void const* object, std::size_t bytes, std::size_t distance,
                                                unsigned char found, void const* site) {
    fault_sites const sites{.mistake_at = site, .write = &write_places_of_block};
    report({.code = fault_code::overflow,
            .note = "the object at 0x%llx was written behind its %llu bytes: the byte at offset %llu is 0x%02llx",
            .numbers = {address_of(object), bytes, bytes + distance, found},
            .stops = true,
            .sites = &sites});
}

}  // namespace framealloc::detail
