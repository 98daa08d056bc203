// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/detail/metadata.hpp>

namespace framealloc::inline v0_1::detail {

/// Every heap block that is alive, by number: so that a free can tell exactly whether a block is there, and the end of the
/// instance finds what was not freed.
///
///   Cost      One compare-exchange to enter, one to leave; a segment of twice the size each time it is full.
///   Threads   Any number. Only growing takes the instance's lock.
///   Failure   `enter` answers `none` when it cannot grow, and nothing has changed.
///   Source    R. K. Treiber's stack, over numbers instead of pointers, with a tag against ABA: numbers are never given
///             back to anybody, so a stale one can still be read.
///   Invariant An entry is the address of a live block (even), or (next free number << 1 | 1), or 0 before its first use.
template <class A>
class heap_ledger {
    template <class T>
    using shared = typename A::sync::template atomic<T>;
    using entry = shared<std::uintptr_t>;

public:
    static constexpr std::uint32_t none = UINT32_MAX;

    template <class Guard>
    [[nodiscard]] std::uint32_t enter(void* block, Guard& guard, backend_gate<A>& gate, metadata<A>& records) noexcept {
        entry* place = nullptr;
        std::uint32_t number = take_free(place);
        if (number == none) {
            number = take_fresh(guard, gate, records);
            if (number == none) return none;
            place = &at(number);
        }
        // release: whoever looks the number up sees the block's prefix.
        place->store(address_of(block), order::release);
        return number;
    }

    /// True when `block` is alive under `number`; it is not any more when this returns. Of two that race, one gets true.
    [[nodiscard]] bool leave(std::uint32_t number, void* block) noexcept {
        if (number >= fresh_.load(order::acquire)) return false;
        entry& e = at(number);
        std::uintptr_t expected = address_of(block);
        std::uint64_t head = free_.load(order::relaxed);
        // Until the number is pushed, nobody else can reach the entry: the link may be written with the claim.
        if (!e.compare_exchange(expected, link(head), order::acq_rel, order::relaxed)) return false;
        while (!free_.compare_exchange(head, tagged(head, number + 1), order::release, order::relaxed)) {
            e.store(link(head), order::relaxed);
        }
        return true;
    }

    [[nodiscard]] bool is_alive(std::uint32_t number, void const* block) noexcept {
        return number < fresh_.load(order::acquire) && at(number).load(order::acquire) == address_of(block);
    }

    /// Calls `f(block)` for every live block. The instance is at rest.
    template <class F>
    void for_each(F&& f) {
        for (std::uint32_t i = 0, n = fresh_.load(order::acquire); i < n; ++i) {
            std::uintptr_t const seen = at(i).load(order::relaxed);
            if (seen != 0 && (seen & 1) == 0) f(pointer_to<void>(seen));
        }
    }

private:
    // Segment k holds 32 << k entries; the first is part of the instance.
    static constexpr std::uint32_t first_entries = 32;
    static constexpr std::size_t segment_count = 24;

    /// The head of the free numbers: a tag above, the number plus one below, 0 for none.
    static std::uint64_t tagged(std::uint64_t before, std::uint32_t number_plus_one) noexcept {
        return ((before >> 32) + 1) << 32 | number_plus_one;
    }
    static std::uintptr_t link(std::uint64_t head) noexcept {
        return static_cast<std::uintptr_t>(head & 0xFFFFFFFFu) << 1 | 1;
    }

    [[nodiscard]] entry& at(std::uint32_t number) noexcept {
        std::uint32_t const shifted = number + first_entries;
        // The bit is there already, and lets the compiler know that there is one.
        unsigned const segment = log2_floor(shifted | first_entries) - log2_floor(first_entries);
        std::uint32_t const offset = shifted - (first_entries << segment);
        return segment == 0 ? first_[offset] : segments_[segment].load(order::acquire)[offset];
    }

    [[nodiscard]] std::uint32_t take_free(entry*& place) noexcept {
        std::uint64_t head = free_.load(order::acquire);
        for (;;) {
            auto const number_plus_one = static_cast<std::uint32_t>(head);
            if (number_plus_one == 0) return none;
            // Perhaps taken by another thread meanwhile, and then this is no link; the tag makes the exchange fail.
            place = &at(number_plus_one - 1);
            auto const next = static_cast<std::uint32_t>(place->load(order::relaxed) >> 1);
            if (free_.compare_exchange(head, tagged(head, next), order::acquire, order::acquire)) {
                return number_plus_one - 1;
            }
        }
    }

    template <class Guard>
    [[nodiscard]] FRAMEALLOC_COLD std::uint32_t take_fresh(Guard& guard, backend_gate<A>& gate,
                                                           metadata<A>& records) noexcept {
        std::uint32_t number = fresh_.load(order::relaxed);
        for (;;) {
            unsigned const segment = log2_floor((number + first_entries) / first_entries);
            if (segment >= segment_count) return none;
            if (segment != 0 && segments_[segment].load(order::acquire) == nullptr) {
                locked const lock{guard};
                if (segments_[segment].load(order::relaxed) == nullptr) {
                    std::size_t const bytes = (std::size_t{first_entries} << segment) * sizeof(entry);
                    void* const p = records.take(gate, bytes, alignof(entry));
                    if (p == nullptr) return none;
                    segments_[segment].store(static_cast<entry*>(p), order::release);
                }
            }
            if (fresh_.compare_exchange(number, number + 1, order::acq_rel, order::relaxed)) return number;
        }
    }

    shared<std::uint64_t> free_{0};
    shared<std::uint32_t> fresh_{0};
    entry first_[first_entries]{};
    shared<entry*> segments_[segment_count]{};
};

}  // namespace framealloc::detail
