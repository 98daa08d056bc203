// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/detail/backend_gate.hpp>
#include <framealloc/detail/call_site.hpp>
#include <framealloc/frame_chunk.hpp>

#include <new>

namespace framealloc::inline v0_1::detail {

/// Frame chunks that no frame uses at the moment, for any thread to take.
///
///   Cost      Giving a whole chain back is O(1): it is put in line as it is. Taking sorts chunks from the line into bins
///             until one of the wanted size comes; frames that repeat find theirs first. Each chunk is sorted once.
///   Threads   Any number, behind the instance's sync mutex, which is held for a few instructions.
///   Failure   `take` answers null when the pool has none of the size and the backend neither.
///   Lifetime  Chunks stay until `trim`, or until the instance ends.
template <class A, bool Guarded = guards_blocks<A>>
class chunk_pool {
public:
    [[nodiscard]] FRAMEALLOC_COLD frame_chunk* take(backend_gate<A>& gate, layout whole) noexcept {
        if (frame_chunk* const kept = take_kept(whole)) {
            kept->allow();
            return kept;
        }
        giver_byte giver = 0;
        void* const p = gate.take_whole(whole, giver);
        if (p == nullptr) return nullptr;
        taken_.fetch_add(whole.bytes, order::relaxed);
        auto* const chunk = ::new (p) frame_chunk{};
        chunk->bytes = whole.bytes;
        chunk->align = static_cast<std::uint32_t>(whole.align);
        chunk->giver = giver;
        return chunk;
    }

    void give_back(chunk_chain chunks) noexcept {
        chunks.forbid();
        locked const guard{guard_};
        line_.append(chunks);
    }

    /// A chunk that grows in place: the taker's until it gives it back, and never the pool's.
    [[nodiscard]] frame_chunk* take_growing(backend_gate<A>& gate, layout whole, std::size_t bytes) noexcept {
        giver_byte giver = 0;
        void* const p = gate.take_range(whole, giver);
        if (p == nullptr) return nullptr;
        if (!gate.commit(p, bytes, giver)) {
            static_cast<void>(gate.give_range(p, whole, 0, giver));
            return nullptr;
        }
        taken_.fetch_add(bytes, order::relaxed);
        auto* const chunk = ::new (p) frame_chunk{};
        chunk->bytes = bytes;
        chunk->align = static_cast<std::uint32_t>(whole.align);
        chunk->giver = giver;
        return chunk;
    }
    [[nodiscard]] bool grow(backend_gate<A>& gate, frame_chunk& chunk, std::size_t more) noexcept {
        if (!gate.commit(pointer_to<void>(chunk.end()), more, chunk.giver)) return false;
        taken_.fetch_add(more, order::relaxed);
        chunk.bytes += more;
        return true;
    }
    [[nodiscard]] bool give_back_growing(backend_gate<A>& gate, frame_chunk* chunk, layout whole) noexcept {
        std::size_t const bytes = chunk->bytes;
        bool const gone = gate.give_range(chunk, whole, bytes, chunk->giver);
        if (gone) taken_.fetch_sub(bytes, order::relaxed);
        return gone;
    }

    [[nodiscard]] std::size_t taken_bytes() const noexcept { return taken_.load(order::relaxed); }

    /// Gives every chunk to the backend; those that it will not take stay.
    FRAMEALLOC_COLD void trim(backend_gate<A>& gate) noexcept {
        chunk_chain all = take_all();
        chunk_chain refused;
        while (frame_chunk* const c = all.take_first()) {
            if (!give_to_backend(gate, c)) refused.append(c);
        }
        give_back(refused);
    }
    void release(backend_gate<A>& gate) noexcept { trim(gate); }

    void lock_for_fork() { guard_.lock(); }
    void unlock_after_fork() { guard_.unlock(); }

private:
    // Chunks up to 2^40 bytes have bins of their own; larger ones share the last.
    static constexpr std::size_t bin_count = quarter_steps::index(std::size_t{1} << 40) + 2;

    static std::size_t bin_of(std::size_t bytes) noexcept {
        std::size_t const i = quarter_steps::index(bytes);
        return i < bin_count ? i : bin_count - 1;
    }
    static bool suits(frame_chunk const* c, layout whole) noexcept {
        return c->bytes == whole.bytes && c->align >= whole.align;
    }

    [[nodiscard]] frame_chunk* take_kept(layout whole) noexcept {
        locked const guard{guard_};
        frame_chunk*& bin = bins_[bin_of(whole.bytes)];
        if (bin != nullptr && suits(bin, whole)) {
            frame_chunk* const c = bin;
            bin = c->next;
            return c;
        }
        while (frame_chunk* const c = line_.take_first()) {
            if (suits(c, whole)) return c;
            frame_chunk*& other = bins_[bin_of(c->bytes)];
            c->next = other;
            other = c;
        }
        return nullptr;
    }

    [[nodiscard]] chunk_chain take_all() noexcept {
        locked const guard{guard_};
        for (frame_chunk*& bin : bins_) {
            while (frame_chunk* const c = bin) {
                bin = c->next;
                line_.append(c);
            }
        }
        chunk_chain const all = line_;
        line_ = {};
        return all;
    }

    [[nodiscard]] bool give_to_backend(backend_gate<A>& gate, frame_chunk* c) noexcept {
        layout const whole{.bytes = c->bytes, .align = c->align};
        if (!gate.give_range(c, whole, whole.bytes, c->giver)) return false;
        taken_.fetch_sub(whole.bytes, order::relaxed);
        return true;
    }

    typename A::sync::mutex guard_{};
    chunk_chain line_{};              // in the order in which they came back, unsorted
    frame_chunk* bins_[bin_count]{};  // by size
    typename A::sync::template atomic<std::size_t> taken_{0};
};

/// What an arena engine sees of the pool.
template <class A, bool Guarded = guards_blocks<A>>
class chunk_source {
public:
    chunk_source(backend_gate<A>& gate, chunk_pool<A>& pool) noexcept : gate_(gate), pool_(pool) {}
    [[nodiscard]] frame_chunk* take(layout whole) noexcept { return pool_.take(gate_, whole); }
    void give_back(chunk_chain chunks) noexcept {
        if (!chunks.empty()) pool_.give_back(chunks);
    }
    [[nodiscard]] frame_chunk* take_growing(layout whole, std::size_t bytes) noexcept {
        return pool_.take_growing(gate_, whole, bytes);
    }
    [[nodiscard]] bool grow(frame_chunk& chunk, std::size_t more) noexcept { return pool_.grow(gate_, chunk, more); }
    [[nodiscard]] bool give_back_growing(frame_chunk* chunk, layout whole) noexcept {
        return pool_.give_back_growing(gate_, chunk, whole);
    }

    [[nodiscard]] typename A::budget& budget() noexcept { return gate_.budget(); }

private:
    backend_gate<A>& gate_;
    chunk_pool<A>& pool_;
};

}  // namespace framealloc::detail
