// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/detail/platform/address_sanitizer.hpp>
#include <framealloc/detail/platform/valgrind.hpp>

// What the tools are told, where there is one. detail/sanitizer.hpp says what the words mean, and includes this.

namespace framealloc::inline v0_1::detail {

FRAMEALLOC_HOT void memory_is_forbidden(void const* p, std::size_t bytes) noexcept {
    asan::forbid(p, bytes);
    memcheck::forbid(p, bytes);
}
FRAMEALLOC_HOT void memory_is_given(void const* p, std::size_t bytes) noexcept {
    asan::allow(p, bytes);
    memcheck::allow_undefined(p, bytes);
}
FRAMEALLOC_HOT void memory_is_ours(void const* p, std::size_t bytes) noexcept {
    asan::allow(p, bytes);
    memcheck::allow(p, bytes);
}
/// Also takes off what the program has marked in memory that it gives back: containers forbid themselves the parts that they
/// do not use, not all of them lift that before they free, and the next user of the memory may use it.
FRAMEALLOC_HOT void memory_is_left(void const* p, std::size_t bytes) noexcept { memory_is_given(p, bytes); }

/// The same for what lies between two addresses.
FRAMEALLOC_HOT void memory_is_forbidden(std::uintptr_t begin, std::uintptr_t end) noexcept {
    memory_is_forbidden(pointer_to<void const>(begin), end - begin);
}
FRAMEALLOC_HOT void memory_is_given(std::uintptr_t begin, std::uintptr_t end) noexcept {
    memory_is_given(pointer_to<void const>(begin), end - begin);
}
FRAMEALLOC_HOT void memory_is_ours(std::uintptr_t begin, std::uintptr_t end) noexcept {
    memory_is_ours(pointer_to<void const>(begin), end - begin);
}
FRAMEALLOC_HOT void memory_is_left(std::uintptr_t begin, std::uintptr_t end) noexcept {
    memory_is_left(pointer_to<void const>(begin), end - begin);
}

/// Of memory that was given, `old_bytes` at `begin`, the program has `new_bytes` now. It ends before a multiple of `step`.
FRAMEALLOC_HOT void memory_is_resized(std::uintptr_t begin, std::size_t old_bytes, std::size_t new_bytes,
                                      std::size_t step) noexcept {
    if (old_bytes < new_bytes) memory_is_given(begin + old_bytes, begin + new_bytes);
    memory_is_forbidden(begin + new_bytes, begin + round_up(new_bytes + (new_bytes == 0), step));
}

// Blocks that are given and given back one by one. A tool that keeps a list of them names the block that an address lies in,
// and who had it; `owner` is any address that stands for where the blocks come from.

FRAMEALLOC_HOT void block_is_given(void const* owner, void* p, std::size_t bytes) noexcept {
    asan::unmark_free(p);
    memory_is_given(p, bytes);
    memcheck::block_is_given(owner, p, bytes);
}
/// All that the block has room for, `bytes`, is forbidden until it is given again.
FRAMEALLOC_HOT void block_is_given_back(void const* owner, void* p, std::size_t bytes) noexcept {
    memcheck::block_is_given_back(owner, p);
    memory_is_forbidden(p, bytes);
}
/// The same where nobody else looks whether the block is free already: then the tool reports it, here, in the function that
/// frees it a second time. AddressSanitizer's mark costs the block its first word.
FRAMEALLOC_HOT void block_is_given_back_once(void const* owner, void* p, std::size_t bytes) noexcept {
    if (asan::is_marked_free(p)) [[unlikely]]
        asan::report_use_of(p);
    memcheck::block_is_given_back(owner, p);
    asan::mark_free(p, bytes);
    memcheck::forbid(p, bytes);
}
/// The program asks how much room a block has, and may use it all from now on.
inline void block_has(void const* owner, void* p, std::size_t bytes) noexcept {
    if (asan::is_marked_free(p)) return;
    std::uintptr_t const begin = address_of(p);
    std::uintptr_t end = begin + bytes;
    auto const is_forbidden = [](std::uintptr_t at) {
        return asan::is_forbidden(pointer_to<void const>(at)) || memcheck::is_forbidden(pointer_to<void const>(at));
    };
    while (end != begin && is_forbidden(end - 1)) --end;
    if (end != begin + bytes) memory_is_given(end, begin + bytes);
    memcheck::block_has(owner, p, bytes);
}
/// None of the owner's blocks is anybody's any more.
inline void owner_ends(void const* owner) noexcept { memcheck::owner_ends(owner); }

/// What lies at `p`, which may be forbidden, or nobody's.
template <class T>
[[nodiscard]] T read_forbidden(T const* p) noexcept {
    static_assert(sizeof(T) % sizeof(std::uintptr_t) == 0 && alignof(T) >= alignof(std::uintptr_t));
    constexpr std::size_t n = sizeof(T) / sizeof(std::uintptr_t);
    struct {
        std::uintptr_t word[n];
    } words;
    memcheck::look_away();
    for (std::size_t i = 0; i < n; ++i) words.word[i] = asan::word_at(behind(p, i * sizeof(std::uintptr_t)));
    memcheck::look_again();
    memcheck::allow(&words, sizeof words);
    return __builtin_bit_cast(T, words);
}

}  // namespace framealloc::detail
