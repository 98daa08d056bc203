// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/object_pool/object_pool_policy.hpp>

namespace framealloc::inline v0_1::slots {

/// Slots: a bit per slot, set while it is free, and over each 64 of them a bit that says whether one of them is set, up to a
/// single word. The lowest free slot is given out next, so that what is alive lies close together.
///
/// Choose it for entities and particles, which are visited in the order of their addresses each frame: the bits say which live.
///
///   Cost      1.016 bits per slot for large counts, at least 64. `take` and `give` O(log64 n), which is O(1) but for each 64th
///             call where neighbours are taken in turn. Visiting is O(n / 64 + live).
///   Threads   One at a time, as the pool's sync policy sees to.
///   Failure   `take` answers null when all slots are taken.
///   Lifetime  That of the memory it was given.
///   Source    The hierarchical bitmaps of schedulers and of van Emde Boas's trees: P. van Emde Boas, "Preserving order in a
///             forest in less than logarithmic time", FOCS 1975.
struct bitmap {
    using family = object_slots_family;
    static constexpr bool links_slots = false;
    static constexpr bool grows = true;
    static constexpr bool knows_live = true;
    static constexpr bool is_lock_free = false;

    using word = std::uint64_t;
    static constexpr std::size_t most_levels = 6;

private:
    struct map {
        word* levels[most_levels];  ///< the lowest first; the highest is one word
        std::size_t depth;          ///< of them
        std::size_t lowest;         ///< no word below this one has a free slot
        std::size_t free;
    };

public:
    [[nodiscard]] static constexpr layout beside(std::size_t count) noexcept {
        std::size_t words = 0;
        for (std::size_t n = count; n > 1 || words == 0;) {
            n = n / 64 + (n % 64 != 0);
            words += n;
        }
        return {.bytes = sizeof(map) + words * sizeof(word), .align = alignof(map)};
    }

    template <std::size_t LinkAt>
    class engine {
    public:
        void add(detail::object_chunk& c, detail::chunk_directory const& all) noexcept {
            all_ = &all;
            map* const m = ::new (c.beside) map{};
            auto* at = static_cast<word*>(detail::behind(c.beside, sizeof(map)));
            for (std::size_t n = c.row.count; n > 1 || m->depth == 0;) {
                m->levels[m->depth++] = at;
                for (std::size_t left = n; left != 0; left -= left < 64 ? left : 64) *at++ = mask_of(left);
                n = n / 64 + (n % 64 != 0);
            }
            m->free = c.row.count;
            free_ += c.row.count;
            prefer(c);
        }
        [[nodiscard]] FRAMEALLOC_HOT void* take() noexcept {
            if (lowest_ == nullptr) [[unlikely]]
                return nullptr;
            map& m = map_of(*lowest_);
            word& w = m.levels[0][m.lowest];
            std::size_t const index = m.lowest * 64 + static_cast<std::size_t>(std::countr_zero(w));
            w &= w - 1;
            --free_;
            --m.free;
            void* const slot = lowest_->row.slot(index);
            if (w == 0) word_is_used_up(m);
            return slot;
        }
        FRAMEALLOC_HOT void give(void* slot) noexcept {
            detail::object_chunk& c = *all_->find(slot);
            map& m = map_of(c);
            std::size_t const index = c.row.index_of(slot), at = index / 64;
            word& w = m.levels[0][at];
            if (w == 0) word_has_one_again(c, m, at);
            w |= word{1} << index % 64;
            ++free_;
            ++m.free;
        }

        [[nodiscard]] std::size_t available() const noexcept { return free_; }

        /// Calls `f(slot)` for each that is taken, in the order of their addresses. `f` may give back the slot that it is called
        /// with, and any other: those that it gives back or takes further on are skipped, or visited, as they are then.
        template <class F>
        static void for_each_taken(detail::object_chunk const& c, F&& f) {
            map const& m = map_of(c);
            std::size_t const words = c.row.count / 64 + (c.row.count % 64 != 0);
            for (std::size_t at = 0; at < words; ++at) {
                std::size_t const left = c.row.count - at * 64;
                std::byte* const first = c.row.base + at * 64 * c.row.stride;
                word const& free = m.levels[0][at];
                for (word todo = mask_of(left); (todo &= ~free) != 0;) {
                    int const bit = std::countr_zero(todo);
                    todo &= todo - 1;
                    f(static_cast<void*>(first + static_cast<std::size_t>(bit) * c.row.stride));
                }
            }
        }

        /// How many slots of a chunk may have been given out.
        [[nodiscard]] std::size_t carved(detail::object_chunk const& c) const noexcept { return c.row.count; }
        /// Calls `f(slot)` for each free one among them.
        template <class F>
        void for_each_free(F&& f) const noexcept {
            if (all_ == nullptr) return;
            for (detail::object_chunk const* const c : all_->all()) {
                for (std::size_t at = 0; at < c->row.count; at += 64) {
                    for (word todo = map_of(*c).levels[0][at / 64]; todo != 0; todo &= todo - 1) {
                        f(c->row.slot(at + static_cast<std::size_t>(std::countr_zero(todo))));
                    }
                }
            }
        }
        void count_free(detail::chunk_directory const& of) noexcept {
            for (detail::object_chunk* const c : of.all()) c->counted = map_of(*c).free;
        }
        void remove(detail::chunk_directory const& of) noexcept {
            lowest_ = nullptr;
            for (detail::object_chunk* const c : of.all()) {
                if (c->leaves) {
                    free_ -= c->row.count;
                } else if (lowest_ == nullptr && map_of(*c).free != 0) {
                    lowest_ = c;
                }
            }
        }

    private:
        [[nodiscard]] static word mask_of(std::size_t bits) noexcept {
            return bits < 64 ? (word{1} << bits) - 1 : ~word{0};
        }
        [[nodiscard]] static map& map_of(detail::object_chunk const& c) noexcept {
            return *static_cast<map*>(c.beside);
        }
        void prefer(detail::object_chunk& c) noexcept {
            if (lowest_ == nullptr || detail::address_of(c.row.base) < detail::address_of(lowest_->row.base)) {
                lowest_ = &c;
            }
        }
        /// The lowest word has no free slot any more: says so above, and finds the next that has one.
        [[gnu::noinline]] void word_is_used_up(map& m) noexcept {
            std::size_t at = m.lowest;
            std::size_t level = 1;
            for (; level < m.depth; ++level) {
                word& above = m.levels[level][at / 64];
                above &= ~(word{1} << at % 64);
                at /= 64;
                if (above != 0) break;
            }
            if (level >= m.depth) return chunk_is_used_up();
            while (level != 0) {
                at = at * 64 + static_cast<std::size_t>(std::countr_zero(m.levels[level][at]));
                --level;
            }
            m.lowest = at;
        }
        void chunk_is_used_up() noexcept {
            detail::object_chunk const* const before = lowest_;
            lowest_ = nullptr;
            if (free_ == 0) return;
            for (detail::object_chunk* const c : all_->all()) {
                if (detail::address_of(c->row.base) > detail::address_of(before->row.base) && map_of(*c).free != 0) {
                    lowest_ = c;
                    return;
                }
            }
        }
        /// A word that had none gets a free slot.
        [[gnu::noinline]] void word_has_one_again(detail::object_chunk& c, map& m, std::size_t at) noexcept {
            if (m.free == 0 || at < m.lowest) m.lowest = at;
            if (m.free == 0) prefer(c);
            for (std::size_t level = 1; level < m.depth; ++level) {
                word& above = m.levels[level][at / 64];
                bool const was_known = above != 0;
                above |= word{1} << at % 64;
                if (was_known) return;
                at /= 64;
            }
        }

        detail::object_chunk* lowest_ = nullptr;  ///< the chunk with the lowest free slot; null where there is none
        std::size_t free_ = 0;
        detail::chunk_directory const* all_ = nullptr;
    };
};

}  // namespace framealloc::slots
