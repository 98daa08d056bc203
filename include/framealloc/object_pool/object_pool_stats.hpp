// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <cstddef>

namespace framealloc::inline v0_1 {

/// What a pool has, and what it has done. A copy. Exact while nobody else uses the pool.
struct object_pool_stats {
    char const* name = nullptr;  ///< as the configuration says; null: none

    std::size_t capacity = 0;    ///< slots
    std::size_t maximum = 0;     ///< slots that it may come to
    std::size_t live = 0;        ///< objects that are allocated, and those that wait for their end
    std::size_t pending = 0;     ///< of them, those that wait
    std::size_t retired = 0;     ///< slots that are not used again: their generations are used up
    std::size_t chunks = 0;      ///< blocks of the backend, or of its own memory
    std::size_t bytes = 0;       ///< in them
    std::size_t slot_bytes = 0;  ///< from one object to the next

    // Counted where the diagnostics policy counts operations; 0 otherwise.
    bool counted = false;
    std::size_t peak = 0;                ///< the most that were live at once
    unsigned long long allocations = 0;  ///< objects given out
    unsigned long long frees = 0;        ///< objects given back, those that still wait for their end included
    unsigned long long failures = 0;     ///< requests refused, those of which a constructor or a hook threw included
    unsigned long long growths = 0;

    /// Of all requests, the part that was served from a slot that was there: neither refused nor made to wait for growth. 1 where
    /// there was none.
    [[nodiscard]] constexpr double hit_rate() const noexcept {
        unsigned long long const all = allocations + failures;
        unsigned long long const missed = failures + growths;
        if (all == 0) return 1.0;
        return missed < all ? static_cast<double>(all - missed) / static_cast<double>(all) : 0.0;
    }
};

}  // namespace framealloc
