// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/detail/backend_gate.hpp>
#include <framealloc/frame_chunk.hpp>

#include <new>

namespace framealloc::detail {

/// Frame chunks that no frame uses at the moment, for any thread to take.
///
///   Cost      Giving a whole chain back is O(1): it is put in line as it is. Taking sorts chunks from the line into bins
///             until one of the wanted size comes; frames that repeat find theirs first. Each chunk is sorted once.
///   Threads   Any number, behind the instance's sync mutex, which is held for a few instructions.
///   Failure   `take` answers null when the pool has none of the size and the backend neither.
///   Lifetime  Chunks stay until the instance ends.
template <class A>
class chunk_pool {
public:
    [[nodiscard]] frame_chunk* take(backend_gate<A>& gate, layout whole) noexcept {
        if (frame_chunk* const kept = take_kept(whole)) return kept;
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
        locked const guard{guard_};
        line_.append(chunks);
    }

    [[nodiscard]] std::size_t taken_bytes() const noexcept { return taken_.load(order::relaxed); }

    void release(backend_gate<A>& gate) noexcept {
        while (frame_chunk* const c = line_.take_first()) give_to_backend(gate, c);
        for (frame_chunk*& bin : bins_) {
            while (frame_chunk* const c = bin) {
                bin = c->next;
                give_to_backend(gate, c);
            }
        }
    }

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

    void give_to_backend(backend_gate<A>& gate, frame_chunk* c) noexcept {
        layout const whole{.bytes = c->bytes, .align = c->align};
        taken_.fetch_sub(whole.bytes, order::relaxed);
        static_cast<void>(gate.give_range(c, whole, whole.bytes, c->giver));
    }

    typename A::sync::mutex guard_{};
    chunk_chain line_{};              // in the order in which they came back, unsorted
    frame_chunk* bins_[bin_count]{};  // by size
    typename A::sync::template atomic<std::size_t> taken_{0};
};

/// What an arena engine sees of the pool.
template <class A>
class chunk_source {
public:
    chunk_source(backend_gate<A>& gate, chunk_pool<A>& pool) noexcept : gate_(gate), pool_(pool) {}
    [[nodiscard]] frame_chunk* take(layout whole) noexcept { return pool_.take(gate_, whole); }
    void give_back(chunk_chain chunks) noexcept {
        if (!chunks.empty()) pool_.give_back(chunks);
    }

private:
    backend_gate<A>& gate_;
    chunk_pool<A>& pool_;
};

}  // namespace framealloc::detail
