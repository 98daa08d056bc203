// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <cstddef>

namespace framealloc::inline v0_1 {

/// How many assets, and how many bytes of the budget they have.
struct stream_count {
    std::size_t assets = 0;
    std::size_t bytes = 0;

    constexpr void add(std::size_t more) noexcept { ++assets, bytes += more; }
    constexpr void subtract(std::size_t less) noexcept { --assets, bytes -= less; }
    friend constexpr bool operator==(stream_count, stream_count) noexcept = default;
};

/// The figures of a `streaming_allocator` at one moment. Bytes are those of the requests; what the allocator beneath rounds
/// them up to is in its own figures. Exact, whatever other threads do:
///
///     reserved + loading + resident == used_bytes() <= budget_bytes
///     admitted == reserved + loading + resident + evicted + cancelled + released
///
/// but for a budget that has been lowered below what cannot be evicted.
struct streaming_totals {
    std::size_t budget_bytes = 0;
    std::size_t peak_bytes = 0;  ///< the most that has been used of the budget

    stream_count reserved;            ///< without memory
    stream_count loading;             ///< those that are cancelled and still have a loader included
    std::size_t progress_bytes = 0;   ///< of those, what has been reported as loaded
    stream_count resident;            ///< ready, or released while leased
    stream_count leased;              ///< of those, the ones that somebody is looking at
    std::size_t evictable_bytes = 0;  ///< of the resident ones, what a reserve of the highest priority could have

    stream_count admitted;           ///< all that have ever been reserved
    stream_count finished;           ///< all that have ever been ready
    stream_count evicted;            ///< all that have ever made room for others
    stream_count cancelled;          ///< all that have been cancelled, released or abandoned before they were ready
    stream_count released;           ///< all that have been released since they were ready
    unsigned long long refused = 0;  ///< reserves that the budget has refused
    std::size_t retired_places = 0;  ///< places whose generations are used up

    [[nodiscard]] constexpr std::size_t used_bytes() const noexcept {
        return reserved.bytes + loading.bytes + resident.bytes;
    }
    friend constexpr bool operator==(streaming_totals const&, streaming_totals const&) noexcept = default;
};

}  // namespace framealloc
