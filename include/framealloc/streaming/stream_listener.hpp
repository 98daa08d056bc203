// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/streaming/stream_asset.hpp>
#include <framealloc/streaming/stream_id.hpp>

#include <span>

namespace framealloc::inline v0_1 {

enum class stream_event_kind : std::uint8_t {
    reserved,    ///< has its share of the budget
    load_begun,  ///< has its memory
    progress,    ///< more of it is loaded
    ready,       ///< can be accessed
    cancelled,   ///< gone before it was ready
    evicted,     ///< gone to make room
    released,    ///< gone because its program let it go
    refused,     ///< a reserve found no room: there is no id, and no asset
};

/// Something that has happened to an asset.
struct stream_event {
    stream_event_kind kind{};
    /// Counts the events of the streaming allocator, in the order in which they happened: threads may be told in another.
    unsigned long long number = 0;
    stream_id id{};
    stream_priority priority{};
    std::size_t bytes = 0;           ///< as reserved
    std::size_t progress_bytes = 0;  ///< loaded so far
    std::size_t used_bytes = 0;      ///< of the budget, afterwards
    std::size_t budget_bytes = 0;
    void* user = nullptr;
    /// Of an asset that is evicted or released, what it had: the last look at it, while the call lasts.
    std::span<std::byte const> contents{};
};

/// Who is told of events. Called on the thread whose call it was, while no lock of ours is held, after the call has done
/// what it does: it may use the streaming allocator and the one beneath it, and may throw. What it throws comes out of that
/// call, once the rest has been told, too, and everything stands; the first one counts. A `reserve` and a `begin_load`, whose
/// answers would be lost, are undone first. Out of the end of a lease nothing comes.
class stream_listener {
public:
    virtual void on_event(stream_event const&) = 0;

protected:
    ~stream_listener() = default;
};

}  // namespace framealloc
