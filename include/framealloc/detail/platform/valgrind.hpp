// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

// Valgrind's memcheck, as far as we talk to it.

#include <framealloc/detail/platform/platform.hpp>

#include <cstddef>

#if FRAMEALLOC_VALGRIND
#if !__has_include(<valgrind/memcheck.h>)
#error "framealloc: FRAMEALLOC_VALGRIND is on, and there is no <valgrind/memcheck.h>; install it (Debian: valgrind)"
#endif
#include <valgrind/memcheck.h>
#endif

namespace framealloc::inline v0_1::detail {

inline constexpr bool valgrind = FRAMEALLOC_VALGRIND != 0;

namespace memcheck {

#if FRAMEALLOC_VALGRIND
inline void forbid(void const* p, std::size_t bytes) noexcept {
    static_cast<void>(VALGRIND_MAKE_MEM_NOACCESS(p, bytes));
}
inline void allow(void const* p, std::size_t bytes) noexcept { static_cast<void>(VALGRIND_MAKE_MEM_DEFINED(p, bytes)); }
inline void allow_undefined(void const* p, std::size_t bytes) noexcept {
    static_cast<void>(VALGRIND_MAKE_MEM_UNDEFINED(p, bytes));
}
[[nodiscard]] inline bool is_forbidden(void const* p) noexcept {
    unsigned char bits = 0;
    return VALGRIND_GET_VBITS(p, &bits, 1) == 3;
}

/// Between the two, the calling thread may read what is forbidden.
inline void look_away() noexcept { VALGRIND_DISABLE_ERROR_REPORTING; }
inline void look_again() noexcept { VALGRIND_ENABLE_ERROR_REPORTING; }

/// One of Valgrind's memory pools for each owner of blocks, made at its first block: a constant-initialised allocator has no
/// earlier moment. To make one twice ends the program.
inline constinit platform::mutex pools_of_valgrind{};

inline void block_is_given(void const* owner, void const* p, std::size_t bytes) noexcept {
    if (VALGRIND_MEMPOOL_EXISTS(owner) == 0 && RUNNING_ON_VALGRIND) {
        pools_of_valgrind.lock();
        if (VALGRIND_MEMPOOL_EXISTS(owner) == 0) VALGRIND_CREATE_MEMPOOL(owner, 0, 0);
        pools_of_valgrind.unlock();
    }
    VALGRIND_MEMPOOL_ALLOC(owner, p, bytes);
}
/// Valgrind reports an address that was not given.
inline void block_is_given_back(void const* owner, void const* p) noexcept { VALGRIND_MEMPOOL_FREE(owner, p); }
inline void block_has(void const* owner, void const* p, std::size_t bytes) noexcept {
    VALGRIND_MEMPOOL_CHANGE(owner, p, p, bytes);
}
inline void owner_ends(void const* owner) noexcept {
    if (VALGRIND_MEMPOOL_EXISTS(owner) != 0) VALGRIND_DESTROY_MEMPOOL(owner);
}
#else
inline void forbid(void const*, std::size_t) noexcept {}
inline void allow(void const*, std::size_t) noexcept {}
inline void allow_undefined(void const*, std::size_t) noexcept {}
[[nodiscard]] inline bool is_forbidden(void const*) noexcept { return false; }
inline void look_away() noexcept {}
inline void look_again() noexcept {}
inline void block_is_given(void const*, void const*, std::size_t) noexcept {}
inline void block_is_given_back(void const*, void const*) noexcept {}
inline void block_has(void const*, void const*, std::size_t) noexcept {}
inline void owner_ends(void const*) noexcept {}
#endif

}  // namespace memcheck

}  // namespace framealloc::detail
