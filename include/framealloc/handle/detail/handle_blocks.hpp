// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/detail/metadata.hpp>
#include <framealloc/detail/sanitizer.hpp>
#include <framealloc/handle/detail/handle_guard.hpp>

namespace framealloc::inline v0_1::detail {

/// Addresses for 64 slabs; one where memory comes without being asked for apart.
struct handle_region : boost::intrusive::list_base_hook<boost::intrusive::link_mode<boost::intrusive::normal_link>> {
    void* base = nullptr;
    std::uint64_t without_memory = 0;  ///< units, as bits
    std::uint64_t empty = 0;           ///< units that have memory and hold nothing
    unsigned char giver = 0;
    handle_region* next_spare = nullptr;

    [[nodiscard]] void* unit(unsigned n) const noexcept { return behind(base, n * handle_slab::unit_bytes); }
};

/// The blocks of a heap: slabs of one kind each, in regions, and large blocks with ranges of their own.
///
///   Cost      A block: O(log kinds), and O(1) from there. A slab: a system call, sometimes two.
///   Threads   One at a time; the instance's lock is held.
///   Failure   Null, and nothing has changed.
template <class A>
class handle_blocks {
    using gate_type = backend_gate<A>;
    static constexpr std::size_t unit_bytes = handle_slab::unit_bytes;
    static constexpr unsigned units = gate_type::is_virtual ? 64 : 1;
    static constexpr std::uint64_t all_units = gate_type::is_virtual ? ~std::uint64_t{0} : 1;
    static constexpr layout region_layout{.bytes = units * unit_bytes, .align = unit_bytes};

public:
    handle_blocks(gate_type& gate, std::size_t retained_bytes) noexcept
        : gate_(gate), most_empty_(retained_bytes / unit_bytes) {}

    /// A block for what `of` is for, with `slot` in its slab.
    [[nodiscard]] void* take(handle_operations const& of, std::uint32_t slot) noexcept {
        handle_kind* const kind = find_or_make(of);
        if (kind == nullptr) return nullptr;
        void* block = nullptr;
        if (kind->has_own_ranges) {
            block = take_large(*kind, slot);
        } else {
            handle_slab* s = kind->fullest();
            if (s == nullptr) s = new_slab(*kind);
            if (s != nullptr) block = take_from(*s, slot);
        }
        return block;
    }
    /// A block of that very slab, which has room and lies in a list. Null where the system would not let it be touched.
    [[nodiscard]] void* take_from(handle_slab& s, std::uint32_t slot) noexcept {
        handle_kind& kind = *s.kind;
        kind.unlink(s);
        std::uint32_t const b = s.take();
        if (!guard_.taken(s, b)) [[unlikely]] {
            s.give(b, false);
            if (s.used == 0) {
                end_slab(s);
            } else {
                kind.link(s, pass_);
            }
            gate_.note(fault_code::out_of_memory);
            return nullptr;
        }
        s.slots()[b] = slot;
        kind.link(s, pass_);
        ++kind.used;
        live_bytes_ += kind.of.bytes;
        held_bytes_ += s.given_back;
        s.given_back = 0;
        void* const block = s.block(b);
        block_is_given(this, block, kind.of.bytes);
        return block;
    }
    /// The block is nobody's any more; `last`: others of its slab are taken first. True where the slab has gone with it.
    bool give(void* block, bool last = false) noexcept {
        handle_slab& s = *handle_slab::of(block);
        handle_kind& kind = *s.kind;
        --kind.used;
        live_bytes_ -= kind.of.bytes;
        block_is_given_back(this, block, kind.of.bytes);
        if (s.region == nullptr) return give_large(s), true;
        kind.unlink(s);
        std::uint32_t const b = s.number_of(block);
        s.give(b, last);
        guard_.given_back(s, b);
        if (s.used == 0) return end_slab(s), true;
        kind.link(s, pass_);
        return false;
    }

    // --- giving memory back -------------------------------------------------------------------------------------------

    [[nodiscard]] bool has_empty() const noexcept { return empty_ != 0; }
    /// While it is true, all empty units are kept: who gathers them gives them back when there is time.
    void gather(bool whether) noexcept { gathers_ = whether; }
    /// Gives the memory of one empty unit back. Answers the bytes; 0 where the backend keeps them, and then the unit stays.
    std::size_t give_back_one() noexcept {
        for (handle_region& r : regions_) {
            if (r.empty == 0) continue;
            unsigned const n = log2_floor(r.empty & (0 - r.empty));
            std::uint64_t const bit = std::uint64_t{1} << n;
            if (!give_back(r, n)) return 0;
            r.empty &= ~bit;
            --empty_;
            held_bytes_ -= unit_bytes;
            if constexpr (gate_type::is_virtual) {
                r.without_memory |= bit;
                // One region without memory is kept for the next slab.
                if (r.without_memory == all_units && &r != &regions_.back()) release(r);
            } else {
                spare(r);
            }
            return unit_bytes;
        }
        return 0;
    }
    /// Lets the pages of a slab go in which no used block lies, but for the first; they come back as they are used. Answers
    /// the bytes.
    std::size_t give_back_pages(handle_slab& s) noexcept {
        if (s.is_tidy) return 0;
        s.is_tidy = true;
        s.sort_free();
        if constexpr (!gate_type::can_discard) return 0;
        std::size_t const page = platform::page_bytes(), before = s.given_back;
        std::uintptr_t const begin = address_of(&s), end = begin + unit_bytes;
        std::uintptr_t at = round_up(begin + s.kind->first_block, page);
        std::size_t sum = 0;
        auto const let_go = [&](std::uintptr_t to) {
            to &= ~(page - 1);
            if (to <= at) return;
            memory_is_left(pointer_to<void>(at), to - at);
            bool const gone = gate_.discard(pointer_to<void>(at), to - at, s.region->giver);
            memory_is_forbidden(pointer_to<void>(at), to - at);
            if (gone) sum += to - at;
        };
        for (std::uint32_t b = 0; b < s.carved; ++b) {
            if (s.is_free(b)) continue;
            let_go(s.place(b));
            std::uintptr_t const behind_it = round_up(s.place(b) + s.kind->stride, page);
            at = behind_it > at ? behind_it : at;
        }
        let_go(end);
        s.given_back = sum;
        held_bytes_ = held_bytes_ + before - sum;
        return sum > before ? sum - before : 0;
    }

    /// Counts what the program does, as opposed to moves.
    void note_change() noexcept { ++changes_; }
    [[nodiscard]] std::size_t changes() const noexcept { return changes_; }

    // --- figures ------------------------------------------------------------------------------------------------------

    [[nodiscard]] handle_kinds& kinds() noexcept { return kinds_; }
    [[nodiscard]] std::uint32_t pass() const noexcept { return pass_; }
    void start_pass() noexcept { ++pass_; }
    /// The pass is done with `s`, which lies in a list.
    void leave_alone(handle_slab& s) noexcept {
        s.kind->unlink(s);
        s.visited_in = pass_;
        s.kind->link(s, pass_);
    }

    [[nodiscard]] std::size_t live_bytes() const noexcept { return live_bytes_; }
    /// Bytes of slabs that take memory, as far as can be known: pages that were never touched count.
    [[nodiscard]] std::size_t held_bytes() const noexcept { return held_bytes_; }
    [[nodiscard]] std::size_t taken_bytes() const noexcept { return taken_bytes_ + records_.taken_bytes(); }
    [[nodiscard]] double fragmentation() const noexcept {
        return held_bytes_ == 0 ? 0 : 1 - static_cast<double>(live_bytes_) / static_cast<double>(held_bytes_);
    }

    /// Gives all back; no block is alive. Answers the bytes that the backend would not take.
    [[nodiscard]] std::size_t release() noexcept {
        while (!regions_.empty()) {
            handle_region& r = regions_.front();
            if (!gate_type::is_virtual && r.without_memory != 0) {
                spare(r);  // what was there is gone
                continue;
            }
            std::size_t const taken =
                unit_bytes * static_cast<std::size_t>(__builtin_popcountll(~r.without_memory & all_units));
            for (unsigned n = 0; n < units; ++n) {
                if ((r.without_memory >> n & 1) == 0) guard_.memory_leaves(r.unit(n), unit_bytes);
            }
            if (gate_.give_range(r.base, region_layout, taken, r.giver)) {
                taken_bytes_ -= taken;
            } else {
                // Its addresses are lost; its memory need not be.
                for (unsigned n = 0; n < units; ++n) {
                    if ((r.without_memory >> n & 1) == 0) static_cast<void>(give_back(r, n));
                }
            }
            spare(r);
        }
        owner_ends(this);
        kinds_.clear();
        records_.template release<true>(gate_);
        return taken_bytes_;
    }

private:
    [[nodiscard]] handle_kind* find_or_make(handle_operations const& of) noexcept {
        typename handle_kinds::insert_commit_data where;
        auto const found = kinds_.insert_check(of, where);
        if (!found.second) return &*found.first;
        void* const place = records_.take(gate_, sizeof(handle_kind), alignof(handle_kind));
        if (place == nullptr) return nullptr;
        auto* const kind = ::new (place) handle_kind(of, handle_guard<A>::step());
        kinds_.insert_commit(*kind, where);
        return kind;
    }

    [[nodiscard]] handle_slab* new_slab(handle_kind& kind) noexcept {
        handle_region* region = nullptr;
        void* const unit = take_unit(region);
        if (unit == nullptr) return nullptr;
        memory_is_forbidden(unit, unit_bytes);
        memory_is_ours(unit, kind.first_block);
        auto* const s = ::new (unit) handle_slab;
        s->kind = &kind;
        s->region = region;
        guard_.slab_made(*s);
        kind.link(*s, pass_);
        ++kind.slabs;
        return s;
    }
    void end_slab(handle_slab& s) noexcept {
        handle_region& r = *s.region;
        --s.kind->slabs;
        guard_.slab_ended(s);
        held_bytes_ += s.given_back;
        unsigned const n = static_cast<unsigned>((address_of(&s) - address_of(r.base)) / unit_bytes);
        memory_is_forbidden(&s, unit_bytes);
        r.empty |= std::uint64_t{1} << n;
        regions_.splice(regions_.begin(), regions_, regions_.iterator_to(r));  // found at once
        ++empty_;
        if (empty_ > most_empty_ && !gathers_) give_back_one();
    }

    [[nodiscard]] void* take_unit(handle_region*& of) noexcept {
        if (empty_ != 0) {
            for (handle_region& r : regions_) {
                if (r.empty == 0) continue;
                unsigned const n = log2_floor(r.empty & (0 - r.empty));
                r.empty &= r.empty - 1;
                --empty_;
                of = &r;
                return r.unit(n);
            }
        }
        handle_region* const r = region_with_addresses();
        if (r == nullptr) return nullptr;
        unsigned const n = log2_floor(r->without_memory & (0 - r->without_memory));
        if (!gate_.commit(r->unit(n), unit_bytes, r->giver)) return nullptr;
        r->without_memory &= r->without_memory - 1;
        held_bytes_ += unit_bytes;
        taken_bytes_ += unit_bytes;
        of = r;
        return r->unit(n);
    }
    /// A region that is not all in use, the last one of the list: others fill up or run empty.
    [[nodiscard]] handle_region* region_with_addresses() noexcept {
        for (handle_region& r : regions_) {
            if (r.without_memory != 0) return &r;
        }
        handle_region* r = spare_regions_;
        if (r != nullptr) {
            spare_regions_ = r->next_spare;
        } else {
            void* const place = records_.take(gate_, sizeof(handle_region), alignof(handle_region));
            if (place == nullptr) return nullptr;
            r = static_cast<handle_region*>(place);
        }
        r = ::new (static_cast<void*>(r)) handle_region;
        r->base = gate_.take_range(region_layout, r->giver);
        if (r->base == nullptr) {
            r->next_spare = spare_regions_;
            spare_regions_ = r;
            return nullptr;
        }
        r->without_memory = all_units;
        regions_.push_back(*r);
        return r;
    }
    [[nodiscard]] bool give_back(handle_region& r, unsigned n) noexcept {
        guard_.memory_leaves(r.unit(n), unit_bytes);
        memory_is_left(r.unit(n), unit_bytes);
        bool const gone = gate_type::is_virtual ? gate_.decommit(r.unit(n), unit_bytes, r.giver)
                                                : gate_.give_range(r.base, region_layout, unit_bytes, r.giver);
        if (gone) {
            taken_bytes_ -= unit_bytes;
        } else {
            memory_is_forbidden(r.unit(n), unit_bytes);
        }
        return gone;
    }
    /// Where the backend does not take the addresses of a region without memory back, they are kept for the next slab.
    void release(handle_region& r) noexcept {
        if (gate_.give_range(r.base, region_layout, 0, r.giver)) spare(r);
    }
    void spare(handle_region& r) noexcept {
        regions_.erase(regions_.iterator_to(r));
        r.next_spare = spare_regions_;
        spare_regions_ = &r;
    }

    // --- large blocks -------------------------------------------------------------------------------------------------

    /// The head lies in the unit in front of the block's, or in the block's own one:
    ///
    ///     base ... [ head | padding | block .............. ]
    ///              ^ (block - 1) rounded down to a unit
    [[nodiscard]] void* take_large(handle_kind& kind, std::uint32_t slot) noexcept {
        std::size_t const align = kind.of.align > 16 ? kind.of.align : 16;
        std::size_t const at = align >= unit_bytes ? align : round_up(sizeof(handle_slab) + 4, align);
        std::size_t const head_at = (at - 1) & ~(unit_bytes - 1);
        layout const range{.bytes = at + kind.of.bytes, .align = align > unit_bytes ? align : unit_bytes};
        giver_byte giver{};
        void* const base = gate_.take_range(range, giver);
        if (base == nullptr) return nullptr;
        std::size_t const committed = gate_type::is_virtual ? range.bytes - head_at : range.bytes;
        if (!gate_.commit(behind(base, head_at), range.bytes - head_at, giver)) {
            static_cast<void>(gate_.give_range(base, range, 0, giver));
            return nullptr;
        }
        memory_is_forbidden(behind(base, head_at), range.bytes - head_at);
        memory_is_ours(behind(base, head_at), sizeof(handle_slab) + 4);
        auto* const s = ::new (behind(base, head_at)) handle_slab;
        s->kind = &kind;
        s->base = base;
        s->range = range;
        s->committed = committed;
        s->giver = giver;
        s->used = s->carved = 1;
        s->slots()[0] = slot;
        kind.large.push_back(*s);
        ++kind.slabs;
        ++kind.used;
        live_bytes_ += kind.of.bytes;
        held_bytes_ += committed;
        taken_bytes_ += committed;
        void* const block = behind(base, at);
        block_is_given(this, block, kind.of.bytes);
        return block;
    }
    void give_large(handle_slab& s) noexcept {
        handle_kind& kind = *s.kind;
        kind.large.erase(kind.large.iterator_to(s));
        --kind.slabs;
        std::size_t const committed = s.committed;
        void* const base = s.base;
        layout const range = s.range;
        giver_byte const giver = s.giver;
        held_bytes_ -= committed;
        // Where its addresses are not taken back they are lost; its memory need not be.
        void* const memory = behind(base, range.bytes - committed);
        if (gate_.give_range(base, range, committed, giver) ||
            (gate_type::is_virtual && gate_.decommit(memory, committed, giver))) {
            taken_bytes_ -= committed;
        }
    }

    gate_type& gate_;
    metadata<A> records_{};
    [[no_unique_address]] handle_guard<A> guard_{};
    handle_kinds kinds_{};
    boost::intrusive::list<handle_region, boost::intrusive::constant_time_size<false>> regions_{};
    handle_region* spare_regions_ = nullptr;
    std::size_t empty_ = 0, most_empty_;  ///< units that have memory and hold nothing
    std::size_t live_bytes_ = 0, held_bytes_ = 0, taken_bytes_ = 0;
    std::size_t changes_ = 0;
    bool gathers_ = false;
    std::uint32_t pass_ = 1;  // 0 is none
};

}  // namespace framealloc::detail
