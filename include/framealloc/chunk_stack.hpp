// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/frame_chunk.hpp>

#include <type_traits>

namespace framealloc::inline v0_1 {

/// The chunks of one frame, oldest first: what an arena policy is built on. The policy decides which chunk comes next;
/// marks, rewinding, resetting and the sums are the same for all and live here.
///
///   Cost      `reset` is O(1) whatever the number of chunks; `rewind` likewise. Nothing is counted per allocation: bytes
///             are differences of cursors.
///   Threads   One at a time. The byte counts may be read by others, exactly when the owner is at rest.
///   Failure   Nothing here fails.
///   Lifetime  A chunk stays until `rewind`, `reset` or `release` hands it to the source. To the tools that watch memory what
///             it has not served is forbidden meanwhile; it comes back allowed, as it was taken.
class chunk_stack {
public:
    [[nodiscard]] bool empty() const noexcept { return regular_.empty(); }
    [[nodiscard]] std::size_t count() const noexcept { return regular_.empty() ? 0 : regular_.last->number + 1; }

    /// Opens the window at the start of the first chunk, or leaves it closed where there is none yet. Between frames there is
    /// at most one chunk, and what is told about it is up to date.
    void open(frame_window& window) noexcept {
        if (frame_chunk const* const first = regular_.first) window.set(first->begin(), first->end());
    }

    /// Goes on with `chunk`; what is left of the one before it stays unused until the frame ends.
    void push(frame_window& window, frame_chunk* chunk) noexcept {
        chunk->forbid();
        if (frame_chunk* const before = regular_.last) {
            before->used_to = window.at();
            chunk->used_before = before->used_before + (before->used_to - before->begin());
            chunk->reserved_before = before->reserved_before + before->bytes;
            chunk->number = before->number + 1;
            ++more_;
        } else {
            chunk->used_before = chunk->reserved_before = chunk->number = 0;
        }
        regular_.append(chunk);
        enter(window, chunk);
    }

    /// Adds a chunk made for one large request, without leaving the chunk that the window stands in. Answers where the
    /// request is to go.
    [[nodiscard]] void* push_large(frame_chunk* chunk, layout request) noexcept {
        chunk->forbid();
        frame_chunk* const before = large_.last;
        chunk->used_before = before != nullptr ? before->used_before + (before->used_to - before->begin()) : 0;
        chunk->reserved_before = before != nullptr ? before->reserved_before + before->bytes : 0;
        std::uintptr_t const place = detail::round_up(chunk->begin(), request.align);
        chunk->used_to = place + detail::round_up(request.bytes, granule);
        large_.append(chunk);
        ++more_;
        sum_up_large();
        detail::memory_is_given(place, place + request.bytes);
        return detail::pointer_to<void>(place);
    }

    /// The chunk that the window stands in has grown in place: so does the window.
    void grown(frame_window& window) noexcept {
        detail::memory_is_forbidden(window.limit, regular_.last->end());
        window.limit = regular_.last->end();
        reserved_.store(regular_.last->reserved_before + regular_.last->bytes, detail::order::relaxed);
    }
    /// The chunk that was taken last; there is one.
    [[nodiscard]] frame_chunk& newest() noexcept { return *regular_.last; }
    /// Takes the only chunk out, for an engine that gives it back itself. The window is closed.
    [[nodiscard]] frame_chunk* take_out() noexcept {
        reserved_.store(0, detail::order::relaxed);
        begin_.store(0, detail::order::relaxed);
        regular_.first->allow();
        return regular_.take_first();
    }

    [[nodiscard]] frame_position position(frame_window const& window) const noexcept {
        // Where nothing has been served yet, also before a frame is joined, the place to come back to is the start.
        std::uintptr_t const cursor = window.at();
        return {.cursor = cursor, .chunk = cursor != 0 ? regular_.last : nullptr, .large = large_.last};
    }

    /// Rewinds to a position of this frame that has not been rewound past. Chunks taken since go back to `source`.
    template <class ChunkSource>
    void rewind(frame_window& window, frame_position to, ChunkSource& source) noexcept {
        if (to.chunk == nullptr) {  // taken before the first chunk was: keep that one, empty
            if (!regular_.empty()) enter(window, regular_.first);
        } else if (to.chunk != regular_.last) {
            enter(window, to.chunk);
            window.move_to(to.cursor);
        } else {
            window.move_to(to.cursor);
        }
        frame_chunk* const kept = to.chunk != nullptr ? to.chunk : regular_.first;
        if (kept != regular_.last) source.give_back(regular_.cut_after(kept).allowed());
        if (to.large != large_.last) {
            source.give_back(large_.cut_after(to.large).allowed());
            sum_up_large();
        }
        more_ = (regular_.first != regular_.last || !large_.empty()) ? 1 : 0;
    }

    /// Ends the frame: closes the window, keeps the first chunk and hands all others to `source`.
    template <class ChunkSource>
    void reset(frame_window& window, ChunkSource& source) noexcept {
        if (more_ != 0) [[unlikely]]
            give_back_all_but_first<ChunkSource>(source);
        window.close();
    }

    /// Hands every chunk to `source`. The window is closed afterwards.
    template <class ChunkSource>
    void release(frame_window& window, ChunkSource& source) noexcept {
        reset(window, source);
        if (!regular_.empty()) source.give_back(regular_.cut_after(nullptr).allowed());
        reserved_.store(0, detail::order::relaxed);
        begin_.store(0, detail::order::relaxed);
    }

    /// Bytes between the start of the frame and the cursor, over all chunks, padding included.
    [[nodiscard]] std::size_t used_bytes(frame_window const& window) const noexcept {
        std::uintptr_t const cursor = window.at();
        std::uintptr_t const begin = begin_.load(detail::order::relaxed);
        std::size_t const here = cursor > begin ? cursor - begin : 0;  // closed, the cursor is 0
        return before_.load(detail::order::relaxed) + here + large_used_.load(detail::order::relaxed);
    }
    /// Where the current chunk's bytes begin: with the cursor, what of the frame any thread may know.
    [[nodiscard]] std::uintptr_t begin_of_current() const noexcept { return begin_.load(detail::order::relaxed); }
    /// The same for the owner, who knows that the cursor and the chunk belong together: in the usual case, one chunk, two loads.
    [[nodiscard]] std::size_t used_bytes_of_owner(frame_window const& window) const noexcept {
        if (more_ != 0) [[unlikely]]
            return used_bytes(window);
        return window.at() - begin_.load(detail::order::relaxed);
    }
    [[nodiscard]] std::size_t reserved_bytes() const noexcept {
        return reserved_.load(detail::order::relaxed) + large_reserved_.load(detail::order::relaxed);
    }

    /// Bytes at the ends of the chunks that the frame has left: in each of them too few for the request that came next.
    [[nodiscard]] std::size_t wasted_bytes() const noexcept { return wasted_.load(detail::order::relaxed); }

    /// Calls `f(begin, end)` for each stretch that has been used since `from`.
    template <class F>
    void for_each_used(frame_window const& window, frame_position from, F&& f) const noexcept {
        frame_chunk* const first = from.chunk != nullptr ? from.chunk : regular_.first;
        for (frame_chunk* c = first; c != nullptr; c = c->next) {
            f(c == from.chunk ? from.cursor : c->begin(), c == regular_.last ? window.at() : c->used_to);
        }
        for (frame_chunk* c = from.large != nullptr ? from.large->next : large_.first; c != nullptr; c = c->next) {
            f(c->begin(), c->used_to);
        }
    }

private:
    /// A source of two pointers goes by value: then the usual way, which does not come here, need not write it down.
    template <class ChunkSource>
    [[gnu::noinline]] void give_back_all_but_first(
        std::conditional_t<std::is_trivially_copyable_v<ChunkSource>, ChunkSource, ChunkSource&> source) noexcept {
        if (frame_chunk* const first = regular_.first; first != regular_.last) {
            source.give_back(regular_.cut_after(first).allowed());
            begin_.store(first->begin(), detail::order::relaxed);
            before_.store(0, detail::order::relaxed);
            wasted_.store(0, detail::order::relaxed);
            reserved_.store(first->bytes, detail::order::relaxed);
        }
        if (!large_.empty()) {
            source.give_back(large_.cut_after(nullptr).allowed());
            large_used_.store(0, detail::order::relaxed);
            large_reserved_.store(0, detail::order::relaxed);
        }
        more_ = 0;
    }

    void enter(frame_window& window, frame_chunk* chunk) noexcept {
        window.set(chunk->begin(), chunk->end());
        begin_.store(chunk->begin(), detail::order::relaxed);
        before_.store(chunk->used_before, detail::order::relaxed);
        reserved_.store(chunk->reserved_before + chunk->bytes, detail::order::relaxed);
        wasted_.store(chunk->reserved_before - chunk->used_before - chunk->number * frame_chunk::head_bytes,
                      detail::order::relaxed);
    }

    void sum_up_large() noexcept {
        frame_chunk const* const last = large_.last;
        large_used_.store(last != nullptr ? last->used_before + (last->used_to - last->begin()) : 0,
                          detail::order::relaxed);
        large_reserved_.store(last != nullptr ? last->reserved_before + last->bytes : 0, detail::order::relaxed);
    }

    chunk_chain regular_{};
    chunk_chain large_{};
    std::size_t more_ = 0;  // not 0 when there is a chunk beside the first regular one
    // For readers on other threads.
    detail::atomic<std::uintptr_t> begin_{};  // where the current chunk's bytes begin
    detail::atomic<std::size_t> before_{};    // used in the chunks before it
    detail::atomic<std::size_t> reserved_{};  // of all regular chunks
    detail::atomic<std::size_t> wasted_{};    // at the ends of the chunks before it
    detail::atomic<std::size_t> large_used_{};
    detail::atomic<std::size_t> large_reserved_{};
};

}  // namespace framealloc
