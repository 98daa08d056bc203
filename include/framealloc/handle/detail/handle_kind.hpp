// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/detail/bits.hpp>
#include <framealloc/detail/construct.hpp>
#include <framealloc/handle/relocation.hpp>
#include <framealloc/layout.hpp>

#include <boost/intrusive/list.hpp>
#include <boost/intrusive/set.hpp>

#include <new>
#include <utility>

// Kinds of blocks, and the slabs that they lie in.

namespace framealloc::inline v0_1::detail {

/// What a heap does with the objects of a type. Types that want the same are of one kind, and share slabs.
struct handle_operations {
    std::size_t bytes;
    std::size_t align;
    /// Moves an object of `bytes` to another place. False: it threw, and `from` is as it was. Null: it stays where it is.
    bool (*relocate)(void* to, void* from, std::size_t bytes);
    void (*destroy)(void*) noexcept;  ///< null: there is nothing to do
};

inline bool relocate_bytes(void* to, void* from, std::size_t bytes) noexcept {
    __builtin_memcpy(to, from, bytes);
    return true;
}
template <class T>
bool relocate_object(void* to, void* from, std::size_t) {
    T& object = *static_cast<T*>(from);
    if constexpr (relocation_of<T> == relocation::move) {
        static_assert(std::is_nothrow_move_constructible_v<T>,
                      "framealloc: relocation::move wants a move constructor that does not throw");
        ::new (to) T(static_cast<T&&>(object));
    } else {
        FRAMEALLOC_TRY { ::new (to) T(std::as_const(object)); }
        FRAMEALLOC_CATCH_ALL { return false; }
    }
    object.~T();
    return true;
}

template <class T>
[[nodiscard]] constexpr handle_operations operations_of() noexcept {
    static_assert(std::is_nothrow_destructible_v<T>, "framealloc: destructors must not throw");
    handle_operations of{.bytes = sizeof(T), .align = alignof(T), .relocate = nullptr, .destroy = nullptr};
    if constexpr (relocation_of<T> == relocation::bytes) {
        of.relocate = &relocate_bytes;
    } else if constexpr (relocation_of<T> != relocation::none) {
        of.relocate = &relocate_object<T>;
    }
    if constexpr (!std::is_trivially_destructible_v<T>) {
        of.destroy = [](void* p) noexcept { static_cast<T*>(p)->~T(); };
    }
    return of;
}

struct handle_kind;
struct handle_region;

/// Memory that blocks of one kind lie in: this head, the slot of each block, and the blocks.
///
/// A block has its slot's number, or is free, and then has the number of the next free one. Blocks from `carved` on have
/// never been used. A slab of a large block is a range of its own, with one block.
struct handle_slab : boost::intrusive::list_base_hook<boost::intrusive::link_mode<boost::intrusive::normal_link>> {
    static constexpr std::size_t unit_bytes = std::size_t{64} << 10;
    static constexpr std::uint32_t free_bit = std::uint32_t{1} << 31;
    static constexpr std::uint32_t none = free_bit - 1;

    handle_kind* kind = nullptr;
    handle_region* region = nullptr;  ///< null for a large block
    void* base = nullptr;             ///< of a large block's range, with the next four
    layout range{};
    std::size_t committed = 0;
    unsigned char giver = 0;

    bool is_guarded = false;  ///< free blocks cannot be touched
    bool is_tidy = false;     ///< pages that hold nothing were given back, and nothing has changed since
    std::uint32_t used = 0;
    std::uint32_t carved = 0;
    std::uint32_t next_free = none;
    std::uint32_t last_free = none;  ///< the one that none comes after, where there is a free one
    std::uint32_t squeezed_in = 0;   ///< the pass in which its objects are moved down
    std::uint32_t visited_in = 0;    ///< the pass that is done with it
    std::uint32_t scanned_in = 0;    ///< the pass that `scan` is of
    std::uint32_t scan = 0;          ///< blocks from here on have been looked at
    std::size_t given_back = 0;      ///< bytes of pages in it that take no memory now

    /// The slab of a block. A block that is aligned to a unit lies in the one behind its slab's head.
    [[nodiscard]] static handle_slab* of(void const* block) noexcept {
        return pointer_to<handle_slab>((address_of(block) - 1) & ~(unit_bytes - 1));
    }
    [[nodiscard]] std::uint32_t* slots() noexcept { return pointer_to<std::uint32_t>(address_of(this + 1)); }
    [[nodiscard]] bool is_free(std::uint32_t b) noexcept { return b >= carved || (slots()[b] & free_bit) != 0; }
    [[nodiscard]] std::uintptr_t place(std::uint32_t b) const noexcept;
    [[nodiscard]] void* block(std::uint32_t b) const noexcept { return pointer_to<void>(place(b)); }
    [[nodiscard]] std::uint32_t number_of(void const* block) const noexcept;
    [[nodiscard]] bool is_full() const noexcept;

    [[nodiscard]] std::uint32_t take() noexcept {
        std::uint32_t b = next_free;
        if (b != none) {
            next_free = slots()[b] & ~free_bit;
        } else {
            b = carved++;
        }
        ++used;
        is_tidy = false;
        return b;
    }
    /// `last`: the others are taken first.
    void give(std::uint32_t b, bool last) noexcept {
        if (next_free == none) last_free = b;
        if (last && last_free != b) {
            slots()[b] = none | free_bit;
            slots()[last_free] = b | free_bit;
            last_free = b;
        } else {
            slots()[b] = next_free | free_bit;
            next_free = b;
        }
        --used;
        is_tidy = false;
    }
    /// The free blocks in the order of their places, and none above the last used one.
    void sort_free() noexcept {
        while (carved > 0 && (slots()[carved - 1] & free_bit) != 0) --carved;
        next_free = none;
        for (std::uint32_t b = carved; b-- > 0;) {
            if ((slots()[b] & free_bit) == 0) continue;
            if (next_free == none) last_free = b;
            slots()[b] = next_free | free_bit;
            next_free = b;
        }
    }
};
using handle_slab_list = boost::intrusive::list<handle_slab, boost::intrusive::constant_time_size<false>>;

/// The blocks that are handled in one way, and their slabs by how full they are.
struct handle_kind : boost::intrusive::set_base_hook<boost::intrusive::link_mode<boost::intrusive::normal_link>> {
    static constexpr std::uint32_t steps = 8;
    /// Above it, or with an alignment above a page, a block has its own range: it is moved by nobody and leaves no gap.
    static constexpr std::size_t largest_block = std::size_t{8} << 10;
    static constexpr std::size_t largest_align = 4096;
    static constexpr std::size_t least_step = 8;

    handle_operations of;
    std::size_t stride;  ///< from block to block
    std::uint32_t block_count = 1;
    std::size_t first_block = 0;  ///< from the slab's begin
    std::uint32_t steps_in_use = 0;
    bool has_own_ranges;
    std::size_t used = 0;
    std::size_t slabs = 0;
    handle_slab_list
        by_fill[steps];  ///< those with room; of each list, first those that the present pass is not done with
    handle_slab_list full;
    handle_slab_list large;

    /// Blocks begin at multiples of `step`, a power of two.
    handle_kind(handle_operations const& what, std::size_t step) noexcept
        : of(what),
          stride(round_up(what.bytes, what.align < step ? step : what.align)),
          has_own_ranges(stride > largest_block || what.align > largest_align) {
        if (has_own_ranges) return;
        auto const first = [&](std::size_t n) {
            return round_up(sizeof(handle_slab) + 4 * n, of.align < step ? step : of.align);
        };
        std::size_t n = (handle_slab::unit_bytes - sizeof(handle_slab)) / (stride + 4);
        while (first(n) + n * stride > handle_slab::unit_bytes) --n;
        block_count = static_cast<std::uint32_t>(n);
        first_block = first(n);
    }

    [[nodiscard]] std::uint32_t step_of(handle_slab const& s) const noexcept { return s.used * steps / block_count; }
    void link(handle_slab& s, std::uint32_t pass) noexcept {
        if (s.used == block_count) return full.push_back(s);
        std::uint32_t const step = step_of(s);
        s.visited_in == pass ? by_fill[step].push_back(s) : by_fill[step].push_front(s);
        steps_in_use |= std::uint32_t{1} << step;
    }
    /// `s` has the number of used blocks that it was linked with.
    void unlink(handle_slab& s) noexcept {
        if (s.used == block_count) return full.erase(full.iterator_to(s)), void();
        std::uint32_t const step = step_of(s);
        by_fill[step].erase(by_fill[step].iterator_to(s));
        if (by_fill[step].empty()) steps_in_use &= ~(std::uint32_t{1} << step);
    }
    /// The fullest slab that has room, as far as the steps tell, other than `but`; null where there is none.
    [[nodiscard]] handle_slab* fullest(handle_slab const* but = nullptr) noexcept {
        for (std::uint32_t left = steps_in_use; left != 0;) {
            std::uint32_t const step = log2_floor(left);
            for (handle_slab& s : by_fill[step]) {
                if (&s != but) return &s;
            }
            left &= ~(std::uint32_t{1} << step);
        }
        return nullptr;
    }
    /// The emptiest one that the pass is not done with.
    [[nodiscard]] handle_slab* emptiest(std::uint32_t pass) noexcept {
        for (std::uint32_t left = steps_in_use; left != 0; left &= left - 1) {
            handle_slab& s = by_fill[log2_floor(left & (0 - left))].front();
            if (s.visited_in != pass) return &s;
        }
        return nullptr;
    }
};

inline std::uintptr_t handle_slab::place(std::uint32_t b) const noexcept {
    return address_of(this) + kind->first_block + b * kind->stride;
}
inline std::uint32_t handle_slab::number_of(void const* block) const noexcept {
    if (region == nullptr) return 0;
    return static_cast<std::uint32_t>((address_of(block) - address_of(this) - kind->first_block) / kind->stride);
}
inline bool handle_slab::is_full() const noexcept { return used == kind->block_count; }

struct by_handle_operations {
    using type = handle_operations;
    [[nodiscard]] type const& operator()(handle_kind const& k) const noexcept { return k.of; }
};
struct compare_handle_operations {
    [[nodiscard]] bool operator()(handle_operations const& a, handle_operations const& b) const noexcept {
        if (a.bytes != b.bytes) return a.bytes < b.bytes;
        if (a.align != b.align) return a.align < b.align;
        if (a.relocate != b.relocate) return std::less<>{}(a.relocate, b.relocate);
        return std::less<>{}(a.destroy, b.destroy);
    }
};
using handle_kinds = boost::intrusive::set<handle_kind, boost::intrusive::key_of_value<by_handle_operations>,
                                           boost::intrusive::compare<compare_handle_operations>,
                                           boost::intrusive::constant_time_size<false>>;

}  // namespace framealloc::detail
