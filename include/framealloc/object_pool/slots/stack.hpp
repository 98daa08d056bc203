// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/object_pool/object_pool_policy.hpp>

namespace framealloc::inline v0_1::slots {

/// Slots: the free ones' addresses on a stack beside the slots. What was freed last is given out next; slots that were never used
/// follow in ascending order.
///
/// Choose it for pools of fixed size, of which it is the default: a free object's memory is not touched.
///
///   Cost      8 bytes per slot, and 8 more: a null lies below the first, so that a pop looks at one place only. A pop or a push
///             each, O(1); `available` O(1).
///   Threads   One at a time, as the pool's sync policy sees to.
///   Failure   `take` answers null when all slots are taken.
///   Lifetime  That of the memory it was given.
struct stack {
    using family = object_slots_family;
    static constexpr bool links_slots = false;
    static constexpr bool grows = false;
    static constexpr bool knows_live = false;
    static constexpr bool is_lock_free = false;

    [[nodiscard]] static constexpr layout beside(std::size_t count) noexcept {
        return layout::array_of<void*>(count + 1);
    }

    template <std::size_t LinkAt>
    class engine {
    public:
        void add(detail::object_chunk& c, detail::chunk_directory const&) noexcept {
            bottom_ = top_ = static_cast<void**>(c.beside);
            *bottom_ = nullptr;
            fresh_ = c.row.base;
            stride_ = c.row.stride;
            end_ = c.row.end();
        }
        [[nodiscard]] FRAMEALLOC_HOT void* take() noexcept {
            void* const slot = *top_;
            if (slot == nullptr) [[unlikely]]
                return take_fresh();
            --top_;
            return slot;
        }
        FRAMEALLOC_HOT void give(void* slot) noexcept { *++top_ = slot; }

        [[nodiscard]] std::size_t available() const noexcept {
            return static_cast<std::size_t>(top_ - bottom_) +
                   (end_ == fresh_ ? 0 : static_cast<std::size_t>(end_ - fresh_) / stride_);
        }
        /// How many slots of a chunk were ever given out: the first ones.
        [[nodiscard]] std::size_t carved(detail::object_chunk const& c) const noexcept {
            return c.row.index_of(fresh_);
        }
        /// Calls `f(slot)` for each free one among them.
        template <class F>
        void for_each_free(F&& f) const noexcept {
            for (void** at = top_; at != bottom_; --at) f(*at);
        }

    private:
        [[gnu::noinline]] void* take_fresh() noexcept {
            if (fresh_ == end_) return nullptr;
            void* const slot = fresh_;
            fresh_ += stride_;
            return slot;
        }

        void** top_ = nullptr;  ///< the newest, or the null
        void** bottom_ = nullptr;
        std::byte* fresh_ = nullptr;
        std::byte* end_ = nullptr;
        std::size_t stride_ = 1;
    };
};

}  // namespace framealloc::slots
