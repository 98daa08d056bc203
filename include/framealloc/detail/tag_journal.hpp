// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/detail/chunk_pool.hpp>
#include <framealloc/detail/tag_table.hpp>

namespace framealloc::inline v0_1::detail {

/// How many bytes of a frame went to which tag, in the order in which they did: so that a roll-back across tag switches gives
/// each tag its own back. Written only while something may be rolled back to.
///
///   Cost      8 bytes per switch between two allocations, in blocks of 4 KiB out of the chunk pool, one of which stays.
///   Threads   One.
///   Failure   `make_room` answers false and changes nothing.
template <class A>
class tag_journal {
public:
    /// Makes sure of a place for one more entry.
    [[nodiscard]] bool make_room(chunk_source<A>& source) noexcept {
        if (blocks_.last != nullptr && count_ < block_entries) return true;
        frame_chunk* const block = source.take({.bytes = block_bytes, .align = granule});
        if (block == nullptr) return false;
        blocks_.append(block);
        count_ = 0;
        return true;
    }
    /// `bytes` more for a tag; there is room. Bytes of one tag in a row are one entry.
    void add(tag_id tag, std::size_t bytes) noexcept {
        if (count_ != 0 && tag_of(top()) == tag) {
            top() += bytes;
        } else {
            at(count_++) = std::uint64_t{tag} << shift | bytes;
        }
    }
    /// Takes the newest `bytes` back: calls `f(tag, bytes)` for each stretch of one tag.
    template <class F>
    void take_back(std::size_t bytes, chunk_source<A>& source, F&& f) noexcept {
        while (bytes != 0 && has_entry(source)) {
            std::uint64_t& entry = top();
            std::size_t const there = entry & (one_tag - 1);
            std::size_t const taken = bytes < there ? bytes : there;
            f(tag_of(entry), taken);
            bytes -= taken;
            entry -= taken;
            if (taken == there) --count_;
        }
    }

    /// Keeps one block, empty.
    void clear(chunk_source<A>& source) noexcept {
        if (blocks_.first != blocks_.last) source.give_back(blocks_.cut_after(blocks_.first));
        count_ = 0;
    }
    void release(chunk_source<A>& source) noexcept {
        source.give_back(blocks_.cut_after(nullptr));
        count_ = 0;
    }

private:
    static constexpr std::size_t block_bytes = 4096;
    static constexpr std::size_t block_entries = (block_bytes - frame_chunk::head_bytes) / sizeof(std::uint64_t);
    static constexpr unsigned shift = 56;
    static constexpr std::uint64_t one_tag = std::uint64_t{1} << shift;

    [[nodiscard]] static tag_id tag_of(std::uint64_t entry) noexcept { return static_cast<tag_id>(entry >> shift); }
    [[nodiscard]] std::uint64_t& at(std::size_t i) noexcept {
        return pointer_to<std::uint64_t>(blocks_.last->begin())[i];
    }
    [[nodiscard]] std::uint64_t& top() noexcept { return at(count_ - 1); }

    /// Whether there is a newest entry: perhaps in the block before the last, where that is empty.
    [[nodiscard]] bool has_entry(chunk_source<A>& source) noexcept {
        if (count_ != 0) return true;
        if (blocks_.first == blocks_.last) return false;
        source.give_back(blocks_.cut_after(blocks_.last->prev));
        count_ = block_entries;
        return true;
    }

    chunk_chain blocks_{};
    std::size_t count_ = 0;  ///< entries in the last block
};

}  // namespace framealloc::inline v0_1::detail
