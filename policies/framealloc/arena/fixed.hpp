// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/chunk_stack.hpp>
#include <framealloc/policy.hpp>

namespace framealloc::inline v0_1::arena {

/// Arena: `Bytes` bytes per thread and a cursor that only moves forward until the frame ends. It never grows.
///
/// Choose it when the frame's need is known and a refusal is better than a stall. Not when frames vary: a refusal is all
/// that it has to offer (FA003).
///
///   Cost      O(1), no loop. The backend is asked once per thread, at its first frame request.
///   Threads   One at a time; the sync policy gives each thread its engine.
///   Failure   Refuses and changes nothing when the bytes are used up or the backend gave none.
///   Lifetime  Pointers die at the end of the frame or with the engine, whichever comes first.
///   Source    D. R. Hanson, "Fast allocation and deallocation of memory based on object lifetimes",
///             Software: Practice and Experience 20(1), 1990.
template <std::size_t Bytes, std::size_t ChunkAlign = 64>
struct fixed {
    using family = arena_family;
    static constexpr std::size_t max_frame_bytes = Bytes;

    template <class ChunkSource>
    class engine : public chunk_stack {
    public:
        /// What lies beyond the cursor stays as it is until it is served.
        static constexpr bool keeps_contents = true;

        [[nodiscard]] void* allocate(frame_window& window, layout request, ChunkSource& source) noexcept {
            if (!prepare(window, source)) return nullptr;
            return window.try_serve(request);
        }

        /// Makes sure that the first chunk is there. Answers false if the backend gave none.
        [[nodiscard]] bool prepare(frame_window& window, ChunkSource& source) noexcept {
            if (!empty()) return true;
            frame_chunk* const chunk = source.take({.bytes = frame_chunk::head_bytes + Bytes, .align = ChunkAlign});
            if (chunk == nullptr) return false;
            push(window, chunk);
            return true;
        }
    };

    // Last, so that a compiler that stops reading a class at a failed assertion has seen the rest and says no more.
    static_assert(Bytes > 0 && Bytes % granule == 0, "framealloc: arena::fixed<Bytes> counts bytes, in sixteens");
    static_assert(layout{.bytes = Bytes, .align = ChunkAlign}.is_possible() && ChunkAlign >= granule,
                  "framealloc: arena::fixed<Bytes, ChunkAlign> wants an alignment of 16, 32, ... up to 2 MiB");
};

}  // namespace framealloc::arena
