// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/object_pool/object_pool_policy.hpp>

namespace framealloc::inline v0_1::slots {

/// Slots: a list through the free slots themselves. What was freed last is given out next; slots that were never used follow in
/// ascending order, chunk by chunk.
///
/// Choose it for pools that grow, of which it is the default: it wants no memory beside the slots.
///
///   Cost      No byte per slot; an object smaller than a pointer has a slot as large as one. O(1); `available` O(1).
///   Threads   One at a time, as the pool's sync policy sees to.
///   Failure   `take` answers null when all slots are taken.
///   Lifetime  That of the memory it was given.
///   Source    Kernighan and Ritchie's free list; B. Weissman's "simple segregated storage", by way of Boost.Pool.
struct free_list {
    using family = object_slots_family;
    static constexpr bool links_slots = true;
    static constexpr bool grows = true;
    static constexpr bool knows_live = false;
    static constexpr bool is_lock_free = false;

    [[nodiscard]] static constexpr layout beside(std::size_t) noexcept { return {.bytes = 0, .align = 1}; }

    /// The link of a free slot lies `LinkAt` bytes behind its begin.
    template <std::size_t LinkAt>
    class engine {
    public:
        void add(detail::object_chunk& c, detail::chunk_directory const&) noexcept {
            free_ += c.row.count;
            if (newest_ != nullptr) {
                newest_->next = &c;
            } else {
                begin_carving(c);
            }
            newest_ = &c;
        }
        [[nodiscard]] FRAMEALLOC_HOT void* take() noexcept {
            void* const slot = head_;
            if (slot == nullptr) [[unlikely]]
                return take_fresh();
            head_ = link(slot);
            --free_;
            return slot;
        }
        FRAMEALLOC_HOT void give(void* slot) noexcept {
            link(slot) = head_;
            head_ = slot;
            ++free_;
        }

        [[nodiscard]] std::size_t available() const noexcept { return free_; }

        /// How many slots of a chunk were ever given out: the first ones.
        [[nodiscard]] std::size_t carved(detail::object_chunk const& c) const noexcept {
            return &c == carving_ ? c.row.index_of(fresh_) : c.carved;
        }
        /// Calls `f(slot)` for each free one among them.
        template <class F>
        void for_each_free(F&& f) const noexcept {
            for (void* s = head_; s != nullptr; s = link(s)) f(s);
        }
        /// Counts the free slots of each chunk into its `counted`. O(free slots * log(chunks)).
        void count_free(detail::chunk_directory const& of) noexcept {
            for (detail::object_chunk* const c : of.all()) c->counted = c->row.count - carved(*c);
            for (void* s = head_; s != nullptr; s = link(s)) ++of.find(s)->counted;
        }
        /// Forgets the chunks that leave, of which every slot is free. O(free slots * log(chunks)).
        void remove(detail::chunk_directory const& of) noexcept {
            void** at = &head_;
            while (*at != nullptr) {
                if (of.find(*at)->leaves) {
                    *at = link(*at);
                } else {
                    at = &link(*at);
                }
            }
            for (detail::object_chunk* const c : of.all()) {
                if (c->leaves) free_ -= c->row.count;
            }
            leave_carving();
        }

    private:
        [[nodiscard]] static void*& link(void* slot) noexcept {
            return *static_cast<void**>(detail::behind(slot, LinkAt));
        }
        void begin_carving(detail::object_chunk& c) noexcept {
            if (carving_ == nullptr) oldest_ = &c;
            carving_ = &c;
            fresh_ = c.row.base;
            stride_ = c.row.stride;
            end_ = c.row.end();
        }
        [[gnu::noinline]] void* take_fresh() noexcept {
            while (fresh_ == end_) {
                if (carving_ == nullptr || carving_->next == nullptr) return nullptr;
                carving_->carved = carving_->row.count;
                begin_carving(*carving_->next);
            }
            void* const slot = fresh_;
            fresh_ += stride_;
            --free_;
            return slot;
        }
        /// Takes those that leave out of the row of chunks.
        void leave_carving() noexcept {
            detail::object_chunk* kept = nullptr;
            detail::object_chunk* carving = nullptr;  // the one that stays and is carved now, or the first behind it
            bool passed = false;
            for (detail::object_chunk* c = oldest_; c != nullptr;) {
                detail::object_chunk* const next = c->next;
                passed = passed || c == carving_;
                if (!c->leaves) {
                    if (passed && carving == nullptr) carving = c;
                    (kept != nullptr ? kept->next : oldest_) = c;
                    kept = c;
                }
                c = next;
            }
            newest_ = kept;
            if (kept == nullptr) {
                *this = engine{};
                return;
            }
            kept->next = nullptr;
            if (carving == carving_) return;
            // The carved one is gone: the next behind it is begun; where there is none, the last is, which is used up.
            carving_ = carving != nullptr ? carving : kept;
            stride_ = carving_->row.stride;
            end_ = carving_->row.end();
            fresh_ = carving != nullptr ? carving_->row.base : end_;
        }

        void* head_ = nullptr;
        std::size_t free_ = 0;
        std::byte* fresh_ = nullptr;
        std::byte* end_ = nullptr;
        std::size_t stride_ = 1;
        detail::object_chunk* carving_ = nullptr;
        detail::object_chunk* oldest_ = nullptr;
        detail::object_chunk* newest_ = nullptr;
    };
};

}  // namespace framealloc::slots
