// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/detail/owner_allowance.hpp>
#include <framealloc/detail/slab_registry.hpp>
#include <framealloc/detail/tag_table.hpp>
#include <framealloc/intent.hpp>

namespace framealloc::inline v0_1::detail {

template <class A>
struct tag_places {
    typename slab<A>::tag_place of[A::pool::class_count]{};
    constexpr tag_places() noexcept {
        for (std::size_t c = 0; c < A::pool::class_count; ++c) of[c] = slab<A>::tag_place_of(c);
    }
};
template <class A>
inline constexpr tag_places<A> all_tag_places{};

/// Which tag a block is charged to: a byte per block, in its slab's head, `no_tag` while it is free.
template <class A>
[[nodiscard]] FRAMEALLOC_HOT shared_byte& tag_of_block(void const* block, std::size_t c) noexcept {
    auto const& place = all_tag_places<A>.of[c];
    std::uintptr_t at = address_of(block);
    constexpr std::uintptr_t mask = A::pool::slab_bytes - 1;
#if defined(__x86_64__)
    // The slab's address with the offset shifted: where a slab has 64 KiB, a shift of the low 16 bits alone.
    if constexpr (mask == 0xFFFF) {
        __asm__("shrw %b1, %w0" : "+r"(at) : "cI"(place.shift) : "cc");
        return *pointer_to<shared_byte>(at + place.offset);
    }
#endif
    return *pointer_to<shared_byte>((at & ~mask) + place.offset + ((at & mask) >> place.shift));
}

/// What one thread has been credited for pool blocks, by tag, and what it has freed and not given back.
///
/// An allocation takes its bytes from the tag's credit; a free takes them from the room that the thread has for surplus of
/// the tag that the block was charged to, whoever allocated it. Each is one subtraction in memory, and a borrow leads to the
/// slow path: there surplus becomes credit again, and what is too much or missing is settled with the tree.
///
/// A free block's tag is `no_tag`, which never has room: so a second free of a block is found here, and costs nothing.
///
///   Threads   The owner writes, others may read for statistics.
///   Invariant what a tag's blocks take + what all threads have unspent of it is what its node has been charged for pools.
template <class A>
class pool_charges {
    using budget_type = typename A::budget;

public:
    /// Charges a block that is being allocated to `t`. False: the credit does not suffice, and `undo_charge` is to follow.
    [[nodiscard]] FRAMEALLOC_HOT bool charge(void* block, std::size_t c, unsigned t) noexcept {
        if (!credit_[t].take(A::pool::class_bytes(c))) [[unlikely]]
            return false;
        tag_of_block<A>(block, c).write(t);
        return true;
    }
    void undo_charge(std::size_t bytes, tag_id t) noexcept { credit_[t].give(bytes); }
    /// Credits the tag of a block that is being freed, which is in `t` then. False: `settle` has to do it.
    [[nodiscard]] FRAMEALLOC_HOT bool credit(void* block, std::size_t c, std::size_t& t) noexcept {
        shared_byte& tag = tag_of_block<A>(block, c);
        t = tag.read();
        tag.write(no_tag);
        return room_[t].take(A::pool::class_bytes(c));
    }

    /// After `credit` has answered false, and the tag is one.
    FRAMEALLOC_COLD void settle(tag_id t, std::size_t bytes, budget_type& budget) noexcept {
        room_[t].give(bytes);
        std::size_t const have = merge(t) + bytes, most = budget.credit_for(t);
        std::size_t const keep = have < most ? have : most;
        credit_[t].set(keep);
        if (have != keep) budget.refund(t, allocation_intent::pool, have - keep);
        make_room(t, most);
    }

    /// What the tag has unspent becomes credit. Answers how much that is.
    std::size_t merge(tag_id t) noexcept {
        std::size_t const have = unspent(t);
        credit_[t].set(have);
        surplus_room_[t].set(0);
        room_[t].set(0);
        return have;
    }
    /// The same, with as much room as there was.
    std::size_t merge_and_keep_room(tag_id t) noexcept {
        std::size_t const room = surplus_room_[t].read(), have = merge(t);
        make_room(t, room);
        return have;
    }
    void make_room(tag_id t, std::size_t bytes) noexcept {
        surplus_room_[t].set(bytes);
        room_[t].set(bytes);
    }
    void add_credit(tag_id t, std::size_t bytes) noexcept { credit_[t].give(bytes); }
    [[nodiscard]] std::size_t credit_of(tag_id t) const noexcept { return credit_[t].read(); }

    /// Gives all credit and surplus back. False where there was none.
    FRAMEALLOC_COLD bool give_back_credit(budget_type& budget) noexcept {
        bool any = false;
        for (std::size_t i = 0; i < tag_count; ++i) {
            auto const t = static_cast<tag_id>(i);
            std::size_t const have = merge(t);
            credit_[t].set(0);
            if (have == 0) continue;
            budget.refund(t, allocation_intent::pool, have);
            any = true;
        }
        return any;
    }

    /// Bytes charged to a tag and in no block. Exact when the thread is at rest.
    [[nodiscard]] std::size_t unspent(tag_id t) const noexcept {
        return credit_[t].read() + (surplus_room_[t].read() - room_[t].read());
    }

private:
    // Objects of their own, so that compilers address them apart.
    struct allowances {
        owner_allowance all[tag_count + 1]{};
        /// By its offset, which makes one instruction of address and subtraction; of an index into a member, g++ 12 makes two.
        [[nodiscard]] FRAMEALLOC_HOT owner_allowance& operator[](std::size_t t) noexcept {
            return *reinterpret_cast<owner_allowance*>(reinterpret_cast<char*>(all) + t * sizeof(owner_allowance));
        }
        [[nodiscard]] owner_allowance const& operator[](std::size_t t) const noexcept { return all[t]; }
    };
    allowances credit_{};
    allowances room_{};          // for surplus; none for `no_tag`
    allowances surplus_room_{};  // what `room_` was
};

}  // namespace framealloc::inline v0_1::detail
