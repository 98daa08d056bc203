// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/detail/bits.hpp>
#include <framealloc/layout.hpp>

#include <new>

namespace framealloc::inline v0_1::detail {

/// Raw memory that knows its size, for hosts that want to resize a block and do not say how large it is.
///
///     start                      memory
///     [ padding | bytes of the memory | what the host uses ... ]
template <std::size_t Align>
struct sized_block {
    static constexpr std::size_t head_bytes = Align > granule ? Align : granule;

    /// What to ask for, for `bytes` of memory. Saturates, so that an impossible size stays impossible.
    [[nodiscard]] static constexpr layout whole(std::size_t bytes) noexcept {
        bool const fits = bytes <= SIZE_MAX - head_bytes;
        return {.bytes = fits ? head_bytes + bytes : SIZE_MAX, .align = head_bytes};
    }
    /// Makes a block at `start`; answers its memory.
    [[nodiscard]] static void* begin(void* start, std::size_t bytes) noexcept {
        void* const memory = behind(start, head_bytes);
        ::new (static_cast<void*>(&size_of(memory))) std::size_t{bytes};
        return memory;
    }
    [[nodiscard]] static void* start_of(void* memory) noexcept {
        return pointer_to<void>(address_of(memory) - head_bytes);
    }
    [[nodiscard]] static std::size_t& size_of(void* memory) noexcept {
        return *pointer_to<std::size_t>(address_of(memory) - sizeof(std::size_t));
    }
};

}  // namespace framealloc::detail
