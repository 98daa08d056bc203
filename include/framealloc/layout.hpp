// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/detail/bits.hpp>

#include <cstddef>
#include <cstdint>

namespace framealloc::inline v0_1 {

/// Bytes in one step of a frame's cursor, and the alignment that every request gets without asking for it.
inline constexpr std::size_t granule = 16;

/// The largest alignment, in bytes, that any request may ask for: a huge page.
inline constexpr std::size_t max_alignment = std::size_t{2} << 20;

/// The largest request, in bytes: what a pointer difference can measure, less room for our own bookkeeping.
inline constexpr std::size_t max_request_bytes = static_cast<std::size_t>(PTRDIFF_MAX) - 2 * max_alignment;

/// How much memory, and how it must be aligned. Named at the call: `layout{.bytes = 64, .align = 16}`.
struct layout {
    std::size_t bytes = 0;
    std::size_t align = granule;

    /// What one `T` occupies.
    template <class T>
    [[nodiscard]] static constexpr layout of() noexcept {
        return {.bytes = sizeof(T), .align = alignof(T)};
    }

    /// What `count` objects of type `T` occupy in a row. A product that overflows saturates, so that an impossible
    /// array stays impossible (after Rust's `Layout`): every allocation refuses it.
    template <class T>
    [[nodiscard]] static constexpr layout array_of(std::size_t count) noexcept {
        bool const fits = count <= SIZE_MAX / sizeof(T);
        return {.bytes = fits ? count * sizeof(T) : SIZE_MAX, .align = alignof(T)};
    }

    /// This layout followed by `next`, padded so that `next` is aligned; `offset` receives where `next` begins.
    /// Saturates like `array_of`.
    [[nodiscard]] constexpr layout extend(layout next, std::size_t& offset) const noexcept {
        std::size_t const padding = (0 - bytes) & (next.align - 1);
        std::size_t const wider = align > next.align ? align : next.align;
        bool const fits = padding <= SIZE_MAX - bytes && next.bytes <= SIZE_MAX - bytes - padding;
        offset = fits ? bytes + padding : SIZE_MAX;
        return {.bytes = fits ? offset + next.bytes : SIZE_MAX, .align = wider};
    }

    /// True when the alignment is a power of two within `max_alignment`.
    [[nodiscard]] constexpr bool has_valid_align() const noexcept {
        // In one test: neither has the mask a bit of the alignment, nor one that no mask has, as that of zero does. (Written
        // as two, clang 19 counts the alignment's bits, in a hundred bytes.)
        std::size_t const mask = align - 1;
        return (mask & (align | ~(max_alignment - 1))) == 0;
    }

    /// True when both numbers are ones that an allocation can honour, memory permitting.
    [[nodiscard]] constexpr bool is_possible() const noexcept {
        return has_valid_align() && bytes <= max_request_bytes;
    }

    friend constexpr bool operator==(layout, layout) noexcept = default;
};

}  // namespace framealloc
