// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/chunk_stack.hpp>
#include <framealloc/policy.hpp>

namespace framealloc::inline v0_1::arena {

/// Arena: one contiguous range of `Reserve` bytes of addresses per thread, which gets memory as the cursor needs it.
///
/// Choose it when frames vary and everything in a frame should lie in one piece: nothing is lost at the ends of chunks, and
/// the last allocation can grow as far as the range goes. `Reserve` costs addresses, not memory, so it may be generous.
/// Memory that a frame has needed stays for the next one. Not on systems that limit address space, nor for hundreds of
/// threads with gigabytes each.
///
///   Cost      O(1); the worst case commits `Step` bytes or as much as is committed already, a mebibyte at most, in one
///             system call.
///   Threads   One at a time; the sync policy gives each thread its engine.
///   Failure   Refuses and changes nothing when the range is used up (FA003) or the backend commits no more (FA303).
///   Lifetime  Pointers die at the end of the frame or with the engine, whichever comes first.
///   Source    D. T. Ross, "The AED free storage package", Communications of the ACM 10(8), 1967, for zones that are
///             freed as a whole; committing on demand is every operating system's.
template <std::size_t Reserve = (std::size_t{1} << 30), std::size_t Step = (std::size_t{64} << 10)>
struct virtual_memory {
    using family = arena_family;
    static constexpr std::size_t max_frame_bytes = Reserve - frame_chunk::head_bytes;
    static constexpr bool needs_virtual_memory = true;

    template <class ChunkSource>
    class engine : public chunk_stack {
    public:
        [[nodiscard]] void* allocate(frame_window& window, layout request, ChunkSource& source) noexcept {
            // No sum below can wrap: the framework refuses requests beyond `max_request_bytes`.
            std::size_t const padding = request.align > granule ? request.align - granule : 0;
            std::size_t const need = padding + detail::round_up(request.bytes + (request.bytes == 0), granule);
            if (need > max_frame_bytes) return nullptr;
            if (!prepare(window, source)) return nullptr;
            std::uintptr_t const end = window.at() + need;
            if (end > window.limit && !commit_up_to(end, window, source)) return nullptr;
            return window.try_serve(request);
        }

        /// Makes sure that the range is there. Answers false if it cannot be had.
        [[nodiscard]] bool prepare(frame_window& window, ChunkSource& source) noexcept {
            if (!empty()) return true;
            frame_chunk* const chunk = source.take_growing(whole, Step);
            if (chunk == nullptr) return false;
            push(window, chunk);
            return true;
        }

        void release(frame_window& window, ChunkSource& source) noexcept {
            reset(window, source);
            if (empty()) return;
            frame_chunk* const chunk = take_out();
            if (source.give_back_growing(chunk, whole)) return;
            push(window, chunk);  // the backend would not take it: it is still there
            window.close();
        }

    private:
        static constexpr layout whole{.bytes = Reserve, .align = Step};

        [[nodiscard]] bool commit_up_to(std::uintptr_t end, frame_window& window, ChunkSource& source) noexcept {
            frame_chunk& chunk = newest();
            constexpr std::size_t most = std::size_t{1} << 20;
            std::size_t const need = detail::round_up(end - chunk.end(), Step);
            std::size_t const left = Reserve - chunk.bytes;
            if (need > left) return false;
            std::size_t const eager = chunk.bytes < most ? chunk.bytes : most;
            std::size_t const wanted = need > eager ? need : eager < left ? eager : left;
            // Short of memory, what is needed is enough.
            if (!source.grow(chunk, wanted) && (wanted == need || !source.grow(chunk, need))) return false;
            grown(window);
            return true;
        }
    };

    // Last, so that a compiler that stops reading a class at a failed assertion has seen the rest and says no more.
    static_assert(
        detail::is_power_of_two(Step) && Step >= 4096 && Step <= max_alignment,
        "framealloc: arena::virtual_memory<Reserve, Step> commits in steps of a power of two, from 4 KiB to 2 MiB");
    static_assert(
        Reserve % Step == 0 && Reserve > 0 && Reserve <= (std::size_t{1} << 46),
        "framealloc: arena::virtual_memory<Reserve> wants a multiple of Step, at most 64 TiB: a process has 128 TiB "
        "of addresses");
};

}  // namespace framealloc::arena
