// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/object_pool/detail/slot_row.hpp>

#include <algorithm>
#include <span>

namespace framealloc::inline v0_1::detail {

/// The chunks of a pool in ascending order of their addresses.
///
///   Cost      `find` O(log chunks), O(1) where there is one; `add` and `remove` O(chunks).
///   Threads   As the pool's sync policy sees to.
///   Failure   Whoever adds has seen to `has_room`.
class chunk_directory {
public:
    static constexpr std::size_t at_first = 8;

    chunk_directory() noexcept = default;
    chunk_directory(chunk_directory const&) = delete;
    chunk_directory& operator=(chunk_directory const&) = delete;

    [[nodiscard]] std::span<object_chunk* const> all() const noexcept { return {chunks_, count_}; }
    [[nodiscard]] std::size_t room() const noexcept { return room_; }
    [[nodiscard]] bool has_room() const noexcept { return count_ < room_; }

    /// The chunk with `p` among its slots, or null.
    [[nodiscard]] object_chunk* find(void const* p) const noexcept {
        object_chunk* const last = last_not_above(p);
        return last != nullptr && last->row.spans(p) ? last : nullptr;
    }
    /// The chunk with `p` among its slots; there is one.
    [[nodiscard]] object_chunk& holding(void const* p) const noexcept {
        if (count_ == 1) [[likely]]
            return *chunks_[0];
        return *chunks_[position_above(p) - 1];
    }
    [[nodiscard]] object_chunk* lowest() const noexcept { return count_ == 0 ? nullptr : chunks_[0]; }
    [[nodiscard]] object_chunk* next_above(object_chunk const& c) const noexcept {
        std::size_t const at = position_above(c.row.base);
        return at < count_ ? chunks_[at] : nullptr;
    }
    void add(object_chunk& c) noexcept {
        std::size_t const at = position_above(c.row.base);
        std::copy_backward(chunks_ + at, chunks_ + count_, chunks_ + count_ + 1);
        chunks_[at] = &c;
        ++count_;
    }
    /// Takes out those that leave, and links them by `next`; answers the first of them, or null.
    [[nodiscard]] object_chunk* remove_leaving() noexcept {
        object_chunk* gone = nullptr;
        std::size_t kept = 0;
        for (std::size_t i = 0; i < count_; ++i) {
            object_chunk* const c = chunks_[i];
            if (c->leaves) {
                c->next = gone;
                gone = c;
            } else {
                chunks_[kept++] = c;
            }
        }
        count_ = kept;
        return gone;
    }
    /// Moves into `larger`, which has room for `room`; answers where the chunks were, or null where that was here.
    [[nodiscard]] object_chunk** move_to(object_chunk** larger, std::size_t room) noexcept {
        std::copy_n(chunks_, count_, larger);
        object_chunk** const before = chunks_ == first_ ? nullptr : chunks_;
        chunks_ = larger;
        room_ = room;
        return before;
    }
    [[nodiscard]] object_chunk** storage_elsewhere() const noexcept { return chunks_ == first_ ? nullptr : chunks_; }

private:
    [[nodiscard]] std::size_t position_above(void const* p) const noexcept {
        auto const above = [](void const* address, object_chunk const* c) {
            return address_of(address) < address_of(c->row.base);
        };
        return static_cast<std::size_t>(std::upper_bound(chunks_, chunks_ + count_, p, above) - chunks_);
    }
    [[nodiscard]] object_chunk* last_not_above(void const* p) const noexcept {
        if (count_ == 1) [[likely]]
            return chunks_[0];
        std::size_t const above = position_above(p);
        return above == 0 ? nullptr : chunks_[above - 1];
    }

    object_chunk** chunks_ = first_;
    std::size_t count_ = 0;
    std::size_t room_ = at_first;
    object_chunk* first_[at_first];
};

}  // namespace framealloc::detail
