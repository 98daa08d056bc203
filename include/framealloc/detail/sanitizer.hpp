// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/detail/platform/compiler.hpp>

#include <cstddef>

#if FRAMEALLOC_ADDRESS_SANITIZER
#include <sanitizer/asan_interface.h>
#endif

namespace framealloc::inline v0_1::detail {

inline constexpr bool address_sanitizer = FRAMEALLOC_ADDRESS_SANITIZER != 0;

/// Takes off what the program has marked for AddressSanitizer in memory that it gives back: containers forbid
/// themselves the parts that they do not use, not all of them lift that before they free, and the next user of the
/// memory may use it.
FRAMEALLOC_HOT void clear_marks([[maybe_unused]] void const* p, [[maybe_unused]] std::size_t bytes) noexcept {
#if FRAMEALLOC_ADDRESS_SANITIZER
    __asan_unpoison_memory_region(p, bytes);
#endif
}

}  // namespace framealloc::detail
