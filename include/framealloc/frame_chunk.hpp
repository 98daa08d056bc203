// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/backend_result.hpp>
#include <framealloc/detail/atomic.hpp>
#include <framealloc/detail/bits.hpp>
#include <framealloc/detail/sanitizer.hpp>
#include <framealloc/layout.hpp>

#include <cstddef>

namespace framealloc::inline v0_1 {

/// The stretch of memory that a thread's frame is being served from: the hot path of every arena, whatever its policy.
///
/// `cursor` moves up to `limit`. Both are addresses and multiples of `granule`, so that a request of ordinary alignment
/// is load, add, compare, branch, store. When nothing may be served (no chunk yet, no frame open) both are zero, and
/// every request takes the slow path by the same comparison.
struct frame_window {
    detail::atomic<std::uintptr_t> cursor{};  ///< the owner writes, others may read for statistics
    std::uintptr_t limit = 0;                 ///< the owner's alone

    [[nodiscard]] std::uintptr_t at() const noexcept { return cursor.load(detail::order::relaxed); }
    void move_to(std::uintptr_t place) noexcept { cursor.store(place, detail::order::relaxed); }
    void set(std::uintptr_t begin, std::uintptr_t end) noexcept {
        move_to(begin);
        limit = end;
    }
    void close() noexcept { set(0, 0); }

    /// Serves `request` if it fits, alignment included; null, and nothing has moved, if it does not. For slow paths.
    [[nodiscard]] void* try_serve(layout request) noexcept {
        std::uintptr_t const cursor_now = at();
        std::uintptr_t const padding = request.align <= granule ? 0 : (0 - cursor_now) & (request.align - 1);
        // Compare with what is left; adding first would wrap around for a huge request. Rounding up afterwards cannot
        // pass the limit, because both are multiples of the granule.
        std::uintptr_t const left = limit - cursor_now;
        std::size_t const bytes = request.bytes + (request.bytes == 0);
        if (padding > left || bytes > left - padding) return nullptr;
        move_to(cursor_now + padding + detail::round_up(bytes, granule));
        detail::memory_is_given(cursor_now + padding, cursor_now + padding + request.bytes);
        return detail::pointer_to<void>(cursor_now + padding);
    }

    /// Whether `bytes` at `begin`, as they were asked for, are what was served last. No caller's number is added to anything
    /// before it is known to be small, so that none can wrap around.
    [[nodiscard]] bool is_last(std::uintptr_t begin, std::size_t bytes) const noexcept {
        std::uintptr_t const cursor_now = at();
        return begin < cursor_now && cursor_now - begin == detail::round_up(bytes + (bytes == 0), granule);
    }
    /// Where the cursor stands once what was served last, at `begin`, has `bytes`; 0 where they do not fit.
    [[nodiscard]] std::uintptr_t end_of_last(std::uintptr_t begin, std::size_t bytes) const noexcept {
        if (bytes > limit - begin) return 0;
        return begin + detail::round_up(bytes + (bytes == 0), granule);
    }
};

/// The head of a chunk of frame memory, at its lowest address; what a frame may use follows it.
///
///     [ frame_chunk | bytes a frame uses ... ]
///     ^ base        ^ begin()                ^ end()
struct alignas(granule) frame_chunk {
    frame_chunk* next = nullptr;      ///< taken after this one
    frame_chunk* prev = nullptr;      ///< taken before this one
    std::size_t bytes = 0;            ///< of the whole chunk, head included
    std::uint32_t align = granule;    ///< of the head's address
    giver_byte giver = 0;             ///< who gave it, for the way back
    std::uintptr_t used_to = 0;       ///< where the cursor stood when the frame went on to the next chunk
    std::size_t used_before = 0;      ///< bytes the frame had used in the chunks before this one
    std::size_t reserved_before = 0;  ///< bytes of the chunks before this one
    std::size_t number = 0;           ///< chunks before this one

    [[nodiscard]] std::uintptr_t begin() const noexcept { return detail::address_of(this) + head_bytes; }
    [[nodiscard]] std::uintptr_t end() const noexcept { return detail::address_of(this) + bytes; }
    /// Tell the tools: nobody may touch what follows the head, or whoever has the chunk may.
    void forbid() const noexcept { detail::memory_is_forbidden(begin(), end()); }
    void allow() const noexcept { detail::memory_is_left(begin(), end()); }

    static constexpr std::size_t head_bytes = 64;
};
static_assert(sizeof(frame_chunk) == frame_chunk::head_bytes);

/// Chunks in the order in which they were taken. Splicing a whole chain takes the same time for one and for ten thousand.
struct chunk_chain {
    frame_chunk* first = nullptr;
    frame_chunk* last = nullptr;

    [[nodiscard]] bool empty() const noexcept { return first == nullptr; }
    void forbid() const noexcept {
        if constexpr (detail::memory_tool) {
            for (frame_chunk const* c = first; c != nullptr; c = c->next) c->forbid();
        }
    }
    [[nodiscard]] chunk_chain allowed() const noexcept {
        if constexpr (detail::memory_tool) {
            for (frame_chunk const* c = first; c != nullptr; c = c->next) c->allow();
        }
        return *this;
    }

    void append(frame_chunk* chunk) noexcept {
        chunk->prev = last;
        chunk->next = nullptr;
        (last != nullptr ? last->next : first) = chunk;
        last = chunk;
    }

    void append(chunk_chain chain) noexcept {
        if (chain.empty()) return;
        chain.first->prev = last;
        (last != nullptr ? last->next : first) = chain.first;
        last = chain.last;
    }

    [[nodiscard]] frame_chunk* take_first() noexcept {
        frame_chunk* const chunk = first;
        if (chunk == nullptr) return nullptr;
        first = chunk->next;
        (first != nullptr ? first->prev : last) = nullptr;
        return chunk;
    }

    /// Cuts off and answers what comes after `kept`; all of the chain when `kept` is null.
    [[nodiscard]] chunk_chain cut_after(frame_chunk* kept) noexcept {
        frame_chunk* const head = kept != nullptr ? kept->next : first;
        if (head == nullptr) return {};
        chunk_chain const tail{head, last};
        head->prev = nullptr;
        (kept != nullptr ? kept->next : first) = nullptr;
        last = kept;
        return tail;
    }
};

/// A place in a frame to which it can be rewound: a cursor, the chunk that it stands in, and the newest chunk made for
/// one large request.
struct frame_position {
    std::uintptr_t cursor = 0;
    frame_chunk* chunk = nullptr;
    frame_chunk* large = nullptr;
};

}  // namespace framealloc
