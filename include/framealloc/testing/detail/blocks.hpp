// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

// What the conformance kit does to memory: writes a pattern that tells one block from another, reads it back, and looks
// whether blocks overlap.

#include <framealloc/layout.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace framealloc::inline v0_1::testing::kit {

/// Every 61st byte, so that a block of a megabyte does not make the kit slow, and no two neighbours share a cache line
/// that nobody looked at; the last byte always.
inline constexpr std::size_t stride = 61;

[[nodiscard]] inline unsigned char pattern(std::size_t seed, std::size_t i) noexcept {
    return static_cast<unsigned char>((seed * 131 + i / stride * 7 + 1) & 0xFF);
}

inline void write_pattern(void* p, std::size_t bytes, std::size_t seed) noexcept {
    auto* const b = static_cast<unsigned char*>(p);
    for (std::size_t i = 0; i < bytes; i += stride) b[i] = pattern(seed, i);
    if (bytes != 0) b[bytes - 1] = pattern(seed, bytes - 1);
}

[[nodiscard]] inline bool has_pattern(void const* p, std::size_t bytes, std::size_t seed) noexcept {
    auto const* const b = static_cast<unsigned char const*>(p);
    for (std::size_t i = 0; i + 1 < bytes; i += stride) {
        if (b[i] != pattern(seed, i)) return false;
    }
    return bytes == 0 || b[bytes - 1] == pattern(seed, bytes - 1);
}

[[nodiscard]] inline bool is_aligned(void const* p, std::size_t align) noexcept {
    return framealloc::detail::address_of(p) % align == 0;
}
[[nodiscard]] inline void* offset(void* p, std::size_t bytes) noexcept {
    return static_cast<unsigned char*>(p) + bytes;
}

/// A block that is alive, and the seed of the pattern in it.
struct block {
    void* p;
    layout given;
    std::size_t seed;

    [[nodiscard]] bool intact() const noexcept { return has_pattern(p, given.bytes, seed); }
};

[[nodiscard]] inline bool overlap(std::vector<block> blocks) {
    std::sort(blocks.begin(), blocks.end(), [](block const& a, block const& b) { return a.p < b.p; });
    for (std::size_t i = 1; i < blocks.size(); ++i) {
        if (framealloc::detail::address_of(blocks[i - 1].p) + blocks[i - 1].given.bytes >
            framealloc::detail::address_of(blocks[i].p)) {
            return true;
        }
    }
    return false;
}

/// A small generator, the same on every machine (Knuth's MMIX constants).
class random_numbers {
public:
    explicit random_numbers(std::uint64_t seed) noexcept : state_(seed) {}
    [[nodiscard]] std::size_t below(std::size_t n) noexcept {
        state_ = state_ * 6364136223846793005u + 1442695040888963407u;
        return static_cast<std::size_t>(state_ >> 33) % n;
    }

private:
    std::uint64_t state_;
};

template <class T>
void shuffle(std::vector<T>& v, std::uint64_t seed) {
    random_numbers random{seed};
    for (std::size_t i = v.size(); i > 1; --i) std::swap(v[i - 1], v[random.below(i)]);
}

/// Sizes around every power of two up to `most`.
[[nodiscard]] inline std::vector<std::size_t> sizes_up_to(std::size_t most) {
    std::vector<std::size_t> sizes;
    for (std::size_t power = 1; power <= most; power *= 2) {
        for (std::size_t bytes : {power - 1, power, power + 1}) {
            if (bytes != 0 && bytes <= most && (sizes.empty() || sizes.back() < bytes)) sizes.push_back(bytes);
        }
    }
    return sizes;
}

}  // namespace framealloc::testing::kit
