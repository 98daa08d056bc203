// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>

/// Numbers for one of many threads: the same in every run and for every allocator, others on each thread. No division, so
/// that drawing costs little beside what is measured.
///
///   Source    G. Marsaglia, "Xorshift RNGs", Journal of Statistical Software 8(14), 2003; the upper half scaled to the range
///             by a multiplication.
class thread_random {
public:
    explicit thread_random(std::size_t thread) : state_(0x2545F4914F6CDD1D * (2 * thread + 1)) {}

    /// A number below `n`, which is below 2^32.
    std::size_t below(std::size_t n) {
        state_ ^= state_ << 13, state_ ^= state_ >> 7, state_ ^= state_ << 17;
        return static_cast<std::size_t>((state_ >> 32) * n >> 32);
    }
    std::size_t between(std::size_t low, std::size_t high) { return low + below(high - low + 1); }
    bool one_in(std::size_t n) { return below(n) == 0; }

private:
    std::uint64_t state_;
};
