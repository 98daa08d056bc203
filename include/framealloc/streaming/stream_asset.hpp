// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/layout.hpp>

#include <cstddef>
#include <cstdint>

namespace framealloc::inline v0_1 {

/// How much an asset is wanted: a number from 0 to 15, of which these are names. Make others with `stream_priority(3)`.
enum class stream_priority : std::uint8_t { lowest = 0, low = 4, normal = 8, high = 12, highest = 15 };

inline constexpr unsigned stream_priority_count = 16;

/// What is to be reserved. `user` is the program's own: it comes with every event of the asset.
struct stream_request {
    std::size_t bytes = 0;
    std::size_t align = granule;
    stream_priority priority = stream_priority::normal;
    void* user = nullptr;
};

/// Where an asset stands.
///
///     reserve()      begin_load()      finish_load()
///        ──► reserved ──────► loading ──────► ready ──► evicted, or released: the id is stale
///                │               │ cancel()
///       cancel() ▼               ▼
///              stale          cancelled ──► stale, when its loader has let go
enum class stream_state : std::uint8_t {
    reserved,   ///< has its share of the budget, and no memory
    loading,    ///< has its memory, which its loader writes to
    cancelled,  ///< the same, and nobody wants it any more: its loader is asked to let go
    ready,      ///< can be accessed, and evicted while no lease is held
};

/// What is known of an asset.
struct stream_info {
    stream_state state;
    stream_priority priority;
    std::size_t bytes;           ///< as reserved: its share of the budget
    std::size_t progress_bytes;  ///< loaded so far; once it is ready, what `access` shows
    std::size_t leases;
    void* user;
};

}  // namespace framealloc
