// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <bit>
#include <cstdint>

namespace asteroids {

/// A running checksum of a simulation: the order and every bit of what is added count.
///
///   Source    The multiply-and-xor step is FNV-1a's, taken over words in place of bytes.
class checksum {
public:
    void add(std::uint64_t word) noexcept { value_ = std::rotl((value_ ^ word) * 0x100000001b3U, 29); }
    void add(float number) noexcept { add(std::uint64_t{std::bit_cast<std::uint32_t>(number)}); }

    [[nodiscard]] std::uint64_t value() const noexcept { return value_; }

private:
    std::uint64_t value_ = 0xcbf29ce484222325U;
};

}  // namespace asteroids
