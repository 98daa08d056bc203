// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/detail/backend_gate.hpp>

namespace framealloc::inline v0_1::detail {

/// Memory for an instance's own records: thread records, batches of pointers, descriptions of regions. It only grows, by
/// what is alive at the same time at most, and goes back whole when the instance ends.
///
///   Cost      A bump; one range per 64 KiB of records, committed in steps of 16.
///   Threads   One at a time; the instance's lock is held.
///   Failure   Null, nothing changed.
template <class A>
class metadata {
public:
    /// `bytes` zeroed bytes, aligned to `align`, at most a page.
    [[nodiscard]] FRAMEALLOC_COLD void* take(backend_gate<A>& gate, std::size_t bytes, std::size_t align) noexcept {
        for (;;) {
            if (newest_ != nullptr) {
                std::uintptr_t const base = address_of(newest_);
                std::uintptr_t const place = round_up(base + newest_->used, align);
                std::size_t const need = place + bytes - base;
                if (need <= newest_->bytes) {
                    if (!commit_up_to(gate, need)) return nullptr;
                    newest_->used = need;
                    return __builtin_memset(pointer_to<void>(place), 0, bytes);
                }
            }
            if (!grow(gate, bytes + align)) return nullptr;
        }
    }

    /// The same where nobody has to be waited for: a backend that is not thread-safe is not asked.
    [[nodiscard]] void* try_take(backend_gate<A>& gate, std::size_t bytes, std::size_t align) noexcept {
        if constexpr (!backend_gate<A>::waits_for_nobody) {
            if (newest_ == nullptr) return nullptr;
            std::uintptr_t const base = address_of(newest_);
            if (round_up(base + newest_->used, align) + bytes - base > newest_->committed) return nullptr;
        }
        return take(gate, bytes, align);
    }

    [[nodiscard]] std::size_t taken_bytes() const noexcept { return taken_; }

    /// `goes_on`: the instance does, and gives account of what it has taken.
    template <bool GoesOn = false>
    FRAMEALLOC_COLD void release(backend_gate<A>& gate) noexcept {
        while (newest_ != nullptr) {
            range* const r = newest_;
            newest_ = r->older;
            range const whole = *r;
            bool const is_given =
                gate.give_range(r, {.bytes = whole.bytes, .align = range_align}, whole.committed, whole.giver);
            // Where its addresses are not taken back they are lost; its memory need not be.
            if (GoesOn && !is_given) static_cast<void>(gate.decommit(r, whole.committed, whole.giver));
        }
        taken_ = 0;
    }

private:
    static constexpr std::size_t step = std::size_t{16} << 10;
    static constexpr std::size_t range_bytes = backend_gate<A>::is_virtual ? 4 * step : step;
    static constexpr std::size_t range_align = 64;

    struct range {
        range* older;
        std::size_t bytes;
        std::size_t committed;
        std::size_t used;
        giver_byte giver;
    };

    [[nodiscard]] bool commit_up_to(backend_gate<A>& gate, std::size_t need) noexcept {
        range& r = *newest_;
        if (need <= r.committed) return true;
        std::size_t const more = round_up(need - r.committed, step);
        std::size_t const bytes = more < r.bytes - r.committed ? more : r.bytes - r.committed;
        if (!gate.commit(pointer_to<void>(address_of(&r) + r.committed), bytes, r.giver)) return false;
        r.committed += bytes;
        taken_ += bytes;
        return true;
    }

    /// A range with room for `need` bytes; a smaller one than usual where the backend is short.
    [[nodiscard]] bool grow(backend_gate<A>& gate, std::size_t need) noexcept {
        std::size_t const least = round_up(need + sizeof(range), backend_gate<A>::is_virtual ? step : granule);
        std::size_t bytes = least > range_bytes ? least : range_bytes;
        for (;;) {
            giver_byte giver = 0;
            if (void* const p = gate.take_range({.bytes = bytes, .align = range_align}, giver)) {
                std::size_t const first = backend_gate<A>::is_virtual ? step : bytes;
                if (gate.commit(p, first, giver)) {
                    newest_ = ::new (p) range{
                        .older = newest_, .bytes = bytes, .committed = first, .used = sizeof(range), .giver = giver};
                    taken_ += first;
                    return true;
                }
                static_cast<void>(gate.give_range(p, {.bytes = bytes, .align = range_align}, 0, giver));
            }
            if (bytes == least) return false;
            bytes = bytes / 2 > least ? bytes / 2 : least;
        }
    }

    range* newest_ = nullptr;
    std::size_t taken_ = 0;
};

}  // namespace framealloc::detail
