// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>

/// The same numbers in every run and for every allocator.
class fixed_random {
public:
    /// A number from `low` to `high`, both included.
    std::size_t between(std::size_t low, std::size_t high) {
        state_ ^= state_ << 13, state_ ^= state_ >> 7, state_ ^= state_ << 17;
        return low + static_cast<std::size_t>(state_ % (high - low + 1));
    }

private:
    std::uint64_t state_ = 0x2545F4914F6CDD1D;
};
