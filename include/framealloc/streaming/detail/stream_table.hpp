// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/streaming/detail/stream_slot.hpp>

#include <bit>
#include <new>

namespace framealloc::inline v0_1::detail {

/// The places of assets, by their numbers: chunks that never move, each twice as large as the one before it.
///
///   Cost      O(1). A chunk costs nothing but its memory: a place is made when it is first taken.
///   Threads   One at a time.
///   Failure   Who finds no free place brings memory for the next chunk. A place whose generations are used up is not given
///             again: the table shrinks by it rather than let an id come true twice.
class stream_table {
public:
    static constexpr unsigned chunk_count = stream_id::place_bits - 6;
    static constexpr std::size_t most_places = (std::size_t{1} << stream_id::place_bits) - 64;

    /// The place of that number; null where none has been given.
    [[nodiscard]] stream_slot* find(std::size_t place) const noexcept { return place < made_ ? at(place) : nullptr; }
    /// A free place; null where there is none.
    [[nodiscard]] stream_slot* take() noexcept {
        if (!free_.empty()) {
            stream_slot& s = free_.front();
            free_.pop_front();
            return &s;
        }
        if (made_ == room_) return nullptr;
        auto* const s = ::new (static_cast<void*>(at(made_))) stream_slot;
        s->place = static_cast<std::uint32_t>(made_++);
        return s;
    }
    /// What was there has gone; no id leads there.
    void put_back(stream_slot& s) noexcept {
        s.state = stream_slot_state::unused;
        s.block = nullptr;
        s.cancelled = false;
        s.generation == 0 ? static_cast<void>(++retired_) : free_.push_front(s);
    }
    /// From now on the ids that lead there are stale.
    static void end_generation(stream_slot& s) noexcept {
        s.generation = s.generation == stream_id::last_generation ? 0 : s.generation + 1;
    }

    [[nodiscard]] unsigned chunks() const noexcept { return chunks_in_use_; }
    [[nodiscard]] static constexpr layout chunk_layout(unsigned chunk) noexcept {
        return layout::array_of<stream_slot>(std::size_t{64} << chunk);
    }
    /// Memory for chunk `chunks()`.
    void add_chunk(void* memory) noexcept {
        chunks_[chunks_in_use_] = static_cast<stream_slot*>(memory);
        room_ += std::size_t{64} << chunks_in_use_++;
    }
    [[nodiscard]] void* chunk(unsigned i) const noexcept { return chunks_[i]; }
    [[nodiscard]] std::size_t retired() const noexcept { return retired_; }

    template <class F>
    void for_each(F&& f) const {
        for (std::size_t i = 0; i < made_; ++i) f(*at(i));
    }

private:
    /// Chunk k has the places from 64 (2^k - 1) on.
    [[nodiscard]] stream_slot* at(std::size_t place) const noexcept {
        std::size_t const shifted = place + 64;
        unsigned const chunk = static_cast<unsigned>(std::bit_width(shifted)) - 7;
        return chunks_[chunk] + (shifted - (std::size_t{64} << chunk));
    }

    stream_slot* chunks_[chunk_count]{};
    unsigned chunks_in_use_ = 0;
    std::size_t room_ = 0;
    std::size_t made_ = 0;
    std::size_t retired_ = 0;
    slot_list free_;
};

}  // namespace framealloc::detail
