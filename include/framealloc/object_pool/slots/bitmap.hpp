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
            free_ += c.row.count;
            prefer(c);
        }
        [[nodiscard]] FRAMEALLOC_HOT void* take() noexcept {
            word const free = *word_;
            if (free == 0) [[unlikely]]
                return take_elsewhere();
            *word_ = free & (free - 1);
            --free_;
            void* const slot = first_ + static_cast<std::size_t>(__builtin_ctzll(free)) * stride_;
            if (slot == nullptr) __builtin_unreachable();  // so that the pool does not look again
            return slot;
        }
        FRAMEALLOC_HOT void give(void* slot) noexcept {
            detail::object_chunk& c = all_->holding(slot);
            map& m = map_of(c);
            std::size_t const index = c.row.index_of(slot), at = index / 64;
            word& w = m.levels[0][at];
            word const before = w;
            w = before | word{1} << index % 64;
            ++free_;
            if (before == 0 && &w != word_) [[unlikely]]
                word_has_one_again(c, m, at);
        }

        [[nodiscard]] std::size_t available() const noexcept { return free_; }

        /// Calls `f(slot)` for each that is taken, in the order of their addresses. `f` may give back the slot that it is called
        /// with, and any other: those that it gives back or takes further on are skipped, or visited, as they are then.
        template <class F>
        static void for_each_taken(detail::object_chunk const& c, F&& f) {
            map const& m = map_of(c);
            std::size_t const words = c.row.count / 64 + (c.row.count % 64 != 0);
            std::size_t const stride = c.row.stride;
            bool const is_far = c.row.count * stride > near_bytes;
            for (std::size_t at = 0; at < words; ++at) {
                std::size_t const left = c.row.count - at * 64;
                std::byte* const first = c.row.base + at * 64 * c.row.stride;
                word const& free = m.levels[0][at];
                word rest = mask_of(left);
                if (free == 0 && rest == ~word{0}) {
                    std::size_t bit = 0;
                    for (std::byte* slot = first; bit < 64 && free == 0; ++bit, slot += stride)
                        f(static_cast<void*>(slot));
                    if (bit == 64) continue;
                    rest <<= bit;
                }
                if (is_far && words - at > soon + 1) fetch(first + soon * 64 * stride, ~m.levels[0][at + soon], stride);
                while ((rest &= ~free) != 0) {
                    int const bit = __builtin_ctzll(rest);
                    rest &= rest - 1;
                    f(static_cast<void*>(first + static_cast<std::size_t>(bit) * stride));
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
                    for (word rest = map_of(*c).levels[0][at / 64]; rest != 0; rest &= rest - 1) {
                        f(c->row.slot(at + static_cast<std::size_t>(std::countr_zero(rest))));
                    }
                }
            }
        }
        void count_free(detail::chunk_directory const& of) noexcept {
            for (detail::object_chunk* const c : of.all()) {
                c->counted = 0;
                for (std::size_t at = 0; at * 64 < c->row.count; ++at) {
                    c->counted += static_cast<std::size_t>(std::popcount(map_of(*c).levels[0][at]));
                }
            }
        }
        void remove(detail::chunk_directory const& of) noexcept {
            nothing_is_free();
            for (detail::object_chunk* const c : of.all()) {
                if (c->leaves) {
                    free_ -= c->row.count;
                } else if (lowest_ == nullptr && find_lowest(map_of(*c))) {
                    continue_with(*c);
                }
            }
        }

    private:
        /// What is larger does not stay in the caches next to the core, and is asked for this many words before its turn. Where all
        /// slots of a word are taken the processor sees by itself what comes next.
        static constexpr std::size_t near_bytes = std::size_t{1} << 20;
        static constexpr std::size_t soon = 2;

        FRAMEALLOC_HOT static void fetch(std::byte* first, word taken, std::size_t stride) noexcept {
            for (; taken != 0; taken &= taken - 1) {
                __builtin_prefetch(first + static_cast<std::size_t>(__builtin_ctzll(taken)) * stride);
            }
        }
        [[nodiscard]] static word mask_of(std::size_t bits) noexcept {
            return bits < 64 ? (word{1} << bits) - 1 : ~word{0};
        }
        [[nodiscard]] static map& map_of(detail::object_chunk const& c) noexcept {
            return *static_cast<map*>(c.beside);
        }
        void nothing_is_free() noexcept {
            lowest_ = nullptr;
            word_ = &none;
        }
        void continue_with(detail::object_chunk& c) noexcept {
            map const& m = map_of(c);
            lowest_ = &c;
            word_ = &m.levels[0][m.lowest];
            stride_ = c.row.stride;
            first_ = c.row.base + m.lowest * 64 * stride_;
        }
        void prefer(detail::object_chunk& c) noexcept {
            if (lowest_ == nullptr || detail::address_of(c.row.base) <= detail::address_of(lowest_->row.base)) {
                continue_with(c);
            }
        }
        /// The word in use has no free slot any more: goes on with the next that has one.
        [[gnu::noinline]] void* take_elsewhere() noexcept {
            if (free_ == 0) return nullptr;
            for (detail::object_chunk* const c : all_->all()) {
                bool const is_below = detail::address_of(c->row.base) < detail::address_of(lowest_->row.base);
                if (is_below || !find_lowest(map_of(*c))) continue;
                continue_with(*c);
                return take();
            }
            __builtin_unreachable();  // one is free
        }
        /// Makes `lowest` the lowest word with a free slot; false where there is none. Words that were it and have been used up are
        /// said so above only now.
        [[nodiscard]] static bool find_lowest(map& m) noexcept {
            while (m.levels[0][m.lowest] == 0) {
                std::size_t at = m.lowest;
                std::size_t level = 1;
                for (; level < m.depth; ++level) {
                    word& above = m.levels[level][at / 64];
                    above &= ~(word{1} << at % 64);
                    at /= 64;
                    if (above != 0) break;
                }
                if (level >= m.depth) return false;
                while (level != 0) {
                    at = at * 64 + static_cast<std::size_t>(std::countr_zero(m.levels[level][at]));
                    --level;
                }
                m.lowest = at;
            }
            return true;
        }
        /// A word that had none, and is not in use, has got a free slot.
        [[gnu::noinline]] void word_has_one_again(detail::object_chunk& c, map& m, std::size_t at) noexcept {
            if (at < m.lowest) m.lowest = at;
            for (std::size_t level = 1; level < m.depth; ++level) {
                word& above = m.levels[level][at / 64];
                bool const was_known = above != 0;
                above |= word{1} << at % 64;
                if (was_known) break;
                at /= 64;
            }
            if (find_lowest(m)) prefer(c);
        }

        /// What `word_` points to where nothing is free. It is never written.
        inline static constinit word none = 0;

        // The word in use: the lowest with a free slot, unless its last one has just gone. The words above go on saying that it
        // has one until the next is looked for.
        word* word_ = &none;
        std::byte* first_ = nullptr;  ///< the slot of its lowest bit
        std::size_t stride_ = 1;
        detail::object_chunk* lowest_ = nullptr;  ///< the chunk that it is of; null where there is none
        std::size_t free_ = 0;
        detail::chunk_directory const* all_ = nullptr;
    };
};

}  // namespace framealloc::slots
