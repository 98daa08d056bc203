// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

// AddressSanitizer, as far as we talk to it.

#include <framealloc/detail/bits.hpp>
#include <framealloc/detail/platform/compiler.hpp>

#if FRAMEALLOC_ADDRESS_SANITIZER
#include <sanitizer/asan_interface.h>
#endif

namespace framealloc::inline v0_1::detail {

namespace asan {

#if FRAMEALLOC_ADDRESS_SANITIZER
inline void forbid(void const* p, std::size_t bytes) noexcept { __asan_poison_memory_region(p, bytes); }
inline void allow(void const* p, std::size_t bytes) noexcept { __asan_unpoison_memory_region(p, bytes); }
[[nodiscard]] inline bool is_forbidden(void const* p) noexcept { return __asan_address_is_poisoned(p) != 0; }

/// A word of memory that is forbidden to everybody else. Volatile, so that no compiler makes a call of it that is watched.
[[gnu::no_sanitize_address, gnu::noinline]] inline std::uintptr_t word_at(void const* p) noexcept {
    return *static_cast<std::uintptr_t const volatile*>(p);
}
[[gnu::no_sanitize_address, gnu::noinline]] inline void set_word_at(void* p, std::uintptr_t word) noexcept {
    *static_cast<std::uintptr_t volatile*>(p) = word;
}

/// Containers mark parts of their blocks in the same way as we mark free ones, and may free a block so. What tells the two
/// apart is written into a free block, where nobody else may write.
[[nodiscard]] inline std::uintptr_t word_of_free_block(void const* p) noexcept {
    return address_of(p) ^ 0xF2EE'B10C'F2EE'B10Cu;
}
inline void mark_free(void* p, std::size_t bytes) noexcept {
    if (bytes >= sizeof(std::uintptr_t)) set_word_at(p, word_of_free_block(p));
    forbid(p, bytes);
}
[[nodiscard]] inline bool is_marked_free(void const* p) noexcept {
    return is_forbidden(p) && word_at(p) == word_of_free_block(p);
}
inline void unmark_free(void* p) noexcept {
    if (is_marked_free(p)) set_word_at(p, 0);
}

/// Reads a forbidden byte where this becomes a part of its caller: the report shows the caller, and who called it.
FRAMEALLOC_HOT void report_use_of(void const* p) noexcept {
    static_cast<void>(*static_cast<unsigned char const volatile*>(p));
}
#else
inline void forbid(void const*, std::size_t) noexcept {}
inline void allow(void const*, std::size_t) noexcept {}
[[nodiscard]] inline bool is_forbidden(void const*) noexcept { return false; }
[[nodiscard]] inline std::uintptr_t word_at(void const* p) noexcept { return *static_cast<std::uintptr_t const*>(p); }
inline void mark_free(void*, std::size_t) noexcept {}
[[nodiscard]] inline bool is_marked_free(void const*) noexcept { return false; }
inline void unmark_free(void*) noexcept {}
FRAMEALLOC_HOT void report_use_of(void const*) noexcept {}
#endif

}  // namespace asan

}  // namespace framealloc::detail
