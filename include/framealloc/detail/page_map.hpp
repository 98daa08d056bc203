// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/detail/assembly.hpp>
#include <framealloc/detail/atomic.hpp>
#include <framealloc/detail/platform/platform.hpp>
#include <framealloc/policy.hpp>

// What an address is, before anything is read from it: in a slab, in a unit where heap blocks live, or nothing of ours.

namespace framealloc::inline v0_1::detail {

enum class address_kind : unsigned char { unknown, slab, heap };

/// The map of the process's address space, shared by all instances: two levels, an entry per 64 KiB.
///
///   Cost      `kind_of` is two loads. The root is zero pages of .bss until touched; a leaf covers 4 GiB in 256 KiB, of
///             which the system commits what is touched.
///   Threads   Any number; nobody waits.
///   Failure   `add_*` answer false when a leaf cannot be had, or for addresses above 2^48, and change nothing.
///   Lifetime  The process. Leaves are never given back.
///   Source    The two-level page map of TCMalloc.
///   Entry     A unit of slabs has the top bit set and below it one bit for each slab that lives in it (16 slabs of 4 KiB, or
///             one bit for larger ones). Otherwise the entry counts the heap blocks that begin in the unit.
class process_page_map {
public:
    static constexpr std::size_t unit_bytes = std::size_t{64} << 10;

    [[nodiscard]] bool add_slab(void* slab, std::size_t slab_bytes) noexcept {
        for (std::uintptr_t at = address_of(slab), end = at + slab_bytes; at < end; at += step(slab_bytes)) {
            entry* const e = make(at);
            if (e == nullptr) {
                if (at != address_of(slab)) remove_slab(slab, at - address_of(slab));
                return false;
            }
            // relaxed: whoever looks an address up got it from the thread that was given the block, after this.
            e->fetch_or(slab_flag | bit(at, slab_bytes), order::relaxed);
        }
        return true;
    }
    void remove_slab(void* slab, std::size_t slab_bytes) noexcept {
        for (std::uintptr_t at = address_of(slab), end = at + slab_bytes; at < end; at += step(slab_bytes)) {
            entry& e = *find(at);
            std::uint32_t const left = e.fetch_and(~bit(at, slab_bytes), order::relaxed) & ~bit(at, slab_bytes);
            if (left == slab_flag) {
                std::uint32_t expected = slab_flag;
                e.compare_exchange(expected, 0, order::relaxed, order::relaxed);
            }
        }
    }

    [[nodiscard]] bool add_heap_block(void* p) noexcept {
        entry* const e = make(address_of(p));
        if (e != nullptr) e->fetch_add(1, order::relaxed);
        return e != nullptr;
    }
    void remove_heap_block(void* p) noexcept { find(address_of(p))->fetch_sub(1, order::relaxed); }

    [[nodiscard]] address_kind kind_of(void const* p, std::size_t slab_bytes) const noexcept {
        entry const* const e = find(address_of(p));
        if (e == nullptr) return address_kind::unknown;
        std::uint32_t const seen = e->load(order::relaxed);
        if ((seen & slab_flag) != 0) {
            return (seen & bit(address_of(p), slab_bytes)) != 0 ? address_kind::slab : address_kind::unknown;
        }
        return seen != 0 ? address_kind::heap : address_kind::unknown;
    }

private:
    using entry = atomic<std::uint32_t>;
    static constexpr std::uint32_t slab_flag = std::uint32_t{1} << 31;
    static constexpr unsigned unit_shift = 16, leaf_bits = 16, root_bits = 16;
    struct leaf {
        entry entries[std::size_t{1} << leaf_bits];
    };

    static std::size_t step(std::size_t slab_bytes) noexcept {
        return slab_bytes < unit_bytes ? slab_bytes : unit_bytes;
    }
    /// The bit of the slab at `at` within its unit.
    static std::uint32_t bit(std::uintptr_t at, std::size_t slab_bytes) noexcept {
        return slab_bytes >= unit_bytes ? 1 : std::uint32_t{1} << ((at & (unit_bytes - 1)) / slab_bytes);
    }

    [[nodiscard]] entry* find(std::uintptr_t at) const noexcept {
        std::uintptr_t const unit = at >> unit_shift;
        if ((unit >> leaf_bits) >> root_bits != 0) return nullptr;
        // acquire: pairs with the release that published the leaf, whose zero pages the system gave to another thread.
        leaf* const l = root_[unit >> leaf_bits].load(order::acquire);
        return l != nullptr ? &l->entries[unit & ((std::size_t{1} << leaf_bits) - 1)] : nullptr;
    }

    [[nodiscard]] entry* make(std::uintptr_t at) noexcept {
        entry* const e = find(at);
        return e != nullptr ? e : make_leaf(at);
    }

    [[nodiscard]] FRAMEALLOC_COLD entry* make_leaf(std::uintptr_t at) noexcept {
        std::uintptr_t const index = at >> unit_shift >> leaf_bits;
        if (index >> root_bits != 0) return nullptr;
        void* const fresh = platform::reserve(sizeof(leaf), alignof(leaf));
        if (fresh == nullptr) return nullptr;
        leaf* expected = nullptr;
        if (!platform::commit(fresh, sizeof(leaf)) ||
            !root_[index].compare_exchange(expected, static_cast<leaf*>(fresh), order::acq_rel, order::acquire)) {
            static_cast<void>(platform::release(fresh, sizeof(leaf)));
        }
        return find(at);
    }

    atomic<leaf*> root_[std::size_t{1} << root_bits]{};
};

inline constinit process_page_map page_map_of_process{};

/// How an instance reaches the process's map.
template <class A>
class shared_page_map {
public:
    /// One map for all instances: what an address is can be asked of any of them.
    static constexpr bool knows_all_instances = true;
    /// Ranges of slabs are whole units, so that a unit never mixes slabs and heap blocks.
    static constexpr std::size_t range_align = process_page_map::unit_bytes;

    template <class Backend>
    constexpr explicit shared_page_map(Backend&) noexcept {}

    [[nodiscard]] bool add_slab(void* s) noexcept { return page_map_of_process.add_slab(s, slab_bytes); }
    void remove_slab(void* s) noexcept { page_map_of_process.remove_slab(s, slab_bytes); }
    [[nodiscard]] bool add_heap_block(void* p) noexcept { return page_map_of_process.add_heap_block(p); }
    void remove_heap_block(void* p) noexcept { page_map_of_process.remove_heap_block(p); }
    [[nodiscard]] static address_kind kind_of(void const* p) noexcept {
        address_kind const kind = page_map_of_process.kind_of(p, slab_bytes);
        if constexpr (slab_bytes > process_page_map::unit_bytes) {
            // Of another assembly's smaller slab, ours would begin outside, where perhaps nothing is.
            auto const* const begin = pointer_to<void const>(address_of(p) & ~(slab_bytes - 1));
            if (kind == address_kind::slab && page_map_of_process.kind_of(begin, slab_bytes) != kind) {
                return address_kind::unknown;
            }
        }
        return kind;
    }

private:
    static constexpr std::size_t slab_bytes = A::pool::slab_bytes != 0 ? A::pool::slab_bytes : range_align;
};

/// The map of an instance over one buffer: a byte per slab-sized unit, and no memory but its own.
template <class A>
class buffer_page_map {
    using backend = typename A::backend;
    static constexpr std::size_t unit = A::pool::slab_bytes != 0 ? A::pool::slab_bytes : std::size_t{64} << 10;
    static constexpr std::size_t units = backend::capacity_bytes / unit + 2;

public:
    static constexpr bool knows_all_instances = false;
    static constexpr std::size_t range_align = unit;

    constexpr explicit buffer_page_map(backend& b) noexcept : backend_(&b) {}

    [[nodiscard]] bool add_slab(void* s) noexcept { return is_slab_[index_of(s)].store(1, order::relaxed), true; }
    void remove_slab(void* s) noexcept { is_slab_[index_of(s)].store(0, order::relaxed); }
    [[nodiscard]] bool add_heap_block(void*) noexcept { return true; }
    void remove_heap_block(void*) noexcept {}
    [[nodiscard]] address_kind kind_of(void const* p) noexcept {
        if (address_of(p) - address_of(backend_->base()) >= backend::capacity_bytes) return address_kind::unknown;
        return is_slab_[index_of(p)].load(order::relaxed) != 0 ? address_kind::slab : address_kind::heap;
    }

private:
    [[nodiscard]] std::size_t index_of(void const* p) noexcept {
        return address_of(p) / unit - address_of(backend_->base()) / unit;
    }

    backend* backend_;
    typename A::sync::template atomic<unsigned char> is_slab_[units]{};
};

template <class A>
using conditional_page_map =
    std::conditional_t<has_bounded_range<typename A::backend>, buffer_page_map<A>, shared_page_map<A>>;

}  // namespace framealloc::detail
