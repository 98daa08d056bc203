// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/chunk_stack.hpp>
#include <framealloc/policy.hpp>

namespace framealloc::inline v0_1::arena {

/// Arena: chunks of `Initial` bytes, doubling to `Max`, then `Max` each time. The default.
///
/// Choose it when frames vary: only memory itself limits it. The first chunk stays with the thread; grown chunks go to
/// the instance's chunk pool at the end of the frame and come back, to whichever thread grows next, without a call of
/// the backend. A request larger than the next chunk gets a chunk of its own; the sequence goes on where it was, and so
/// does the current chunk. Not when a bound per frame is wanted: that is `arena::fixed`.
///
///   Cost      O(1); the worst case takes one chunk. What a chunk loses at its end is smaller than the request that did
///             not fit. `ChunkAlign` bounds the padding of over-aligned requests at a chunk's start.
///   Threads   One at a time; the sync policy gives each thread its engine.
///   Failure   Refuses and changes nothing when no chunk can be had.
///   Lifetime  Pointers die at the end of the frame or with the engine, whichever comes first.
///   Source    Growth by doubling with a cap, as in GNU obstacks and LLVM's BumpPtrAllocator.
template <std::size_t Initial = (std::size_t{64} << 10), std::size_t Max = (std::size_t{1} << 20),
          std::size_t ChunkAlign = 64>
struct chunked {
    using family = arena_family;

    template <class ChunkSource>
    class engine : public chunk_stack {
    public:
        /// What lies beyond the cursor stays as it is until it is served.
        static constexpr bool keeps_contents = true;

        [[nodiscard]] void* allocate(frame_window& window, layout request, ChunkSource& source) noexcept {
            request.bytes += request.bytes == 0;
            // No sum below can wrap: the framework refuses requests beyond `max_request_bytes`.
            std::size_t const padding = request.align > granule ? request.align - granule : 0;
            std::size_t const whole = frame_chunk::head_bytes + padding + detail::round_up(request.bytes, granule);
            std::size_t const regular = next_bytes();
            if (whole > regular) {
                frame_chunk* const chunk =
                    source.take({.bytes = detail::quarter_steps::round(whole), .align = ChunkAlign});
                return chunk != nullptr ? this->push_large(chunk, request) : nullptr;
            }
            frame_chunk* const chunk = source.take({.bytes = regular, .align = ChunkAlign});
            if (chunk == nullptr) return nullptr;
            this->push(window, chunk);
            return window.try_serve(request);
        }

        /// Makes sure that the first chunk is there. Answers false if none can be had.
        [[nodiscard]] bool prepare(frame_window& window, ChunkSource& source) noexcept {
            if (!this->empty()) return true;
            frame_chunk* const chunk = source.take({.bytes = Initial, .align = ChunkAlign});
            if (chunk == nullptr) return false;
            this->push(window, chunk);
            return true;
        }

    private:
        [[nodiscard]] std::size_t next_bytes() const noexcept {
            constexpr std::size_t doublings = detail::log2_floor(Max / Initial);
            return Initial << (this->count() < doublings ? this->count() : doublings);
        }
    };

    // Last, so that a compiler that stops reading a class at a failed assertion has seen the rest and says no more.
    static_assert(detail::is_power_of_two(Initial) && detail::is_power_of_two(Max) && Initial <= Max,
                  "framealloc: arena::chunked<Initial, Max> wants powers of two, Initial no larger than Max");
    static_assert(Initial >= 1024, "framealloc: arena::chunked<Initial, Max> wants chunks of at least 1 KiB");
    static_assert(layout{.bytes = Max, .align = ChunkAlign}.is_possible() && ChunkAlign >= granule,
                  "framealloc: arena::chunked<.., ChunkAlign> wants an alignment of 16, 32, ... up to 2 MiB");
};

}  // namespace framealloc::arena
