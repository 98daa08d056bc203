// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <cstdint>

namespace asteroids {

/// A random sequence of our own, so that a seed means the same field with every standard library.
///
///   Source    G. L. Steele, D. Lea, C. H. Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014.
class random_sequence {
public:
    explicit random_sequence(std::uint64_t seed) noexcept : state_(seed) {}

    [[nodiscard]] std::uint64_t next() noexcept {
        state_ += 0x9e3779b97f4a7c15U;
        std::uint64_t z = state_;
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
        z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
        return z ^ (z >> 31);
    }
    /// From 0 up to, but not including, 1: the 24 bits that a float holds exactly.
    [[nodiscard]] float unit() noexcept { return static_cast<float>(next() >> 40) * 0x1p-24F; }
    [[nodiscard]] float between(float least, float most) noexcept { return least + (most - least) * unit(); }

private:
    std::uint64_t state_;
};

}  // namespace asteroids
