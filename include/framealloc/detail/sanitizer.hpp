// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/detail/bits.hpp>
#include <framealloc/detail/platform/compiler.hpp>
#include <framealloc/detail/platform/platform.hpp>

#if FRAMEALLOC_LEAK_SANITIZER
#include <sanitizer/lsan_interface.h>
#endif

// What AddressSanitizer, LeakSanitizer and Valgrind are told of our memory, in any assembly, when the program is built for
// them. Otherwise every function here is empty, and nothing of it is in the program.
//
//     forbidden   nobody may touch it: what a frame has not served, free blocks wherever they are, what rounding added
//     given       the program's, to the byte as it was asked for; holds nothing yet
//     ours        we may use it, and so does a finder of leaks: heads, marks, journals
//     left        nobody's, as before we had it: on the way back to the backend, whose next user knows nothing of us
//
// Memory of an instance is forbidden unless it is one of the others. Ranges begin at multiples of 8, as the tools want it.

namespace framealloc::inline v0_1::detail {

inline constexpr bool address_sanitizer = FRAMEALLOC_ADDRESS_SANITIZER != 0;
/// Whether one of the tools is told what is alive.
inline constexpr bool memory_tool = FRAMEALLOC_MEMORY_TOOL;

/// Memory that a finder of leaks would not look into by itself: what it points to is not lost. Parts that are forbidden do not
/// count.
inline void pointers_may_be_in([[maybe_unused]] void const* p, [[maybe_unused]] std::size_t bytes) noexcept {
#if FRAMEALLOC_LEAK_SANITIZER
    __lsan_register_root_region(p, bytes);
#endif
}
inline void pointers_are_no_more_in([[maybe_unused]] void const* p, [[maybe_unused]] std::size_t bytes) noexcept {
#if FRAMEALLOC_LEAK_SANITIZER
    __lsan_unregister_root_region(p, bytes);
#endif
}

}  // namespace framealloc::detail

#if FRAMEALLOC_MEMORY_TOOL
#include <framealloc/detail/memory_tools.hpp>
#else
namespace framealloc::inline v0_1::detail {

// The same with nobody to be told.
#define FRAMEALLOC_TELLS_NOBODY(NAME) \
    template <class... N>             \
    FRAMEALLOC_HOT void NAME(N...) noexcept {}
FRAMEALLOC_TELLS_NOBODY(memory_is_forbidden)
FRAMEALLOC_TELLS_NOBODY(memory_is_given)
FRAMEALLOC_TELLS_NOBODY(memory_is_ours)
FRAMEALLOC_TELLS_NOBODY(memory_is_left)
FRAMEALLOC_TELLS_NOBODY(memory_is_resized)
FRAMEALLOC_TELLS_NOBODY(block_is_given)
FRAMEALLOC_TELLS_NOBODY(block_is_given_back)
FRAMEALLOC_TELLS_NOBODY(block_has)
FRAMEALLOC_TELLS_NOBODY(owner_ends)
#undef FRAMEALLOC_TELLS_NOBODY
template <class T>
[[nodiscard]] T read_forbidden(T const* p) noexcept;

}  // namespace framealloc::detail
#endif
