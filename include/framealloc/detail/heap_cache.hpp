// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/backend_result.hpp>
#include <framealloc/detail/assembly.hpp>
#include <framealloc/detail/atomic.hpp>
#include <framealloc/detail/bits.hpp>
#include <framealloc/detail/sanitizer.hpp>

namespace framealloc::inline v0_1::detail {

/// The head of a heap block, directly below the address that the program has.
///
///     base                         block
///     [ padding for alignment | heap_prefix | what the program uses ... ]
struct heap_prefix {
    void* base;               ///< what the backend gave
    std::size_t whole_bytes;  ///< of it
    std::size_t bytes;        ///< that the program asked for
    void* instance;
    std::uint32_t base_align;
    std::uint32_t number;  ///< in the ledger
    std::uint32_t stamp;   ///< while cached: when it came; while alive: the tag that is charged for it
    giver_byte giver;      ///< who gave it, for the way back

    /// To be read by `read`: while the block is alive its head is forbidden to everybody, us included.
    [[nodiscard]] static heap_prefix& of(void* block) noexcept {
        return *pointer_to<heap_prefix>(address_of(block) - sizeof(heap_prefix));
    }
    /// What the head says, a copy where a tool watches. Where no block is, it says anything.
    [[nodiscard]] static decltype(auto) read(void* block) noexcept {
        if constexpr (memory_tool) {
            return read_forbidden(&of(block));
        } else {
            return static_cast<heap_prefix const&>(of(block));
        }
    }
};
static_assert(sizeof(heap_prefix) == 48);

/// Freed heap blocks kept for the next request of their size step: bounded in bytes, and emptied by age.
///
///   Cost      One exchange to take, one or two to keep; twenty-four loads where there is none to take.
///   Threads   Any number; nobody waits. A block changes hands by an exchange of its slot, so there is no ABA.
///   Failure   Keeping may be refused: then the block is the caller's to give to the backend.
///   Lifetime  What has not been wanted while `max_age` other blocks were kept goes back. A hand goes round the slots, one
///             per block kept.
///   Source    The clock of F. J. Corbató, "A Paging Experiment with the Multics System", 1968.
template <class A>
class heap_cache {
    template <class T>
    using shared = typename A::sync::template atomic<T>;

public:
    static constexpr std::size_t largest = std::size_t{8} << 20;
    static constexpr std::uint32_t max_age = 4096;  ///< of a block that is in nobody's way
    static constexpr std::uint32_t min_age = 64;    ///< of a block that has to make room

    [[nodiscard]] static constexpr std::size_t slot_total() noexcept { return bin_count * slots_per_bin; }

    /// A kept block of the step with the number `first`, or of one of the next two, so at most half as large again; or null.
    [[nodiscard]] heap_prefix* take_step(std::size_t first) noexcept {
        if (first >= bin_count) return nullptr;
        std::size_t const end = first + 3 < bin_count ? first + 3 : bin_count;
        for (slot* s = slots_ + first * slots_per_bin; s != slots_ + end * slots_per_bin; ++s) {
            if (heap_prefix* const b = take_from(*s)) return b;
        }
        return nullptr;
    }

    /// Keeps a block. Answers a block that must go to the backend instead, which may be the same one, or null.
    /// `limit` is the most bytes that may be kept.
    [[nodiscard]] [[gnu::noinline]] heap_prefix* keep(heap_prefix* b, std::size_t limit) noexcept {
        if (b->whole_bytes > largest || b->whole_bytes > limit) return b;
        std::uint32_t const now = clock_.fetch_add(1, order::relaxed);
        b->stamp = now;
        if (bytes_.fetch_add(b->whole_bytes, order::relaxed) + b->whole_bytes > limit) {
            bytes_.fetch_sub(b->whole_bytes, order::relaxed);
            return b;
        }
        slot* const slots = slots_ + quarter_steps::index(b->whole_bytes) * slots_per_bin;
        for (std::size_t i = 0; i < slots_per_bin; ++i) {
            heap_prefix* expected = nullptr;
            // release: publishes the prefix.
            if (slots[i].compare_exchange(expected, b, order::release, order::relaxed)) return nullptr;
        }
        // All full: the newest is the likeliest to be wanted, so an older one makes room.
        heap_prefix* const older = slots[now % slots_per_bin].exchange(b, order::acq_rel);
        if (older != nullptr) bytes_.fetch_sub(older->whole_bytes, order::relaxed);
        return older;
    }

    /// Moves the hand by at most `steps` slots; answers the first block met that has been here while more than `age` others
    /// were kept, or null.
    [[nodiscard]] heap_prefix* take_aged(std::size_t steps, std::uint32_t age) noexcept {
        while (steps-- > 0) {
            slot& s = slots_[hand_.fetch_add(1, order::relaxed) % slot_total()];
            heap_prefix* const b = take_from(s);
            if (b == nullptr) continue;
            if (clock_.load(order::relaxed) - b->stamp > age) return b;
            bytes_.fetch_add(b->whole_bytes, order::relaxed);
            heap_prefix* expected = nullptr;
            if (s.compare_exchange(expected, b, order::release, order::relaxed)) continue;
            bytes_.fetch_sub(b->whole_bytes, order::relaxed);
            return b;  // its place was taken while we looked at it
        }
        return nullptr;
    }

    /// Any kept block, or null when none is left.
    [[nodiscard]] heap_prefix* take_any() noexcept {
        for (slot& s : slots_) {
            if (heap_prefix* const b = take_from(s)) return b;
        }
        return nullptr;
    }

    [[nodiscard]] std::size_t bytes() const noexcept { return bytes_.load(order::relaxed); }

private:
    static constexpr std::size_t bin_count = quarter_steps::index(largest) + 1;
    static constexpr std::size_t slots_per_bin = 8;
    using slot = shared<heap_prefix*>;

    [[nodiscard]] heap_prefix* take_from(slot& s) noexcept {
        if (s.load(order::relaxed) == nullptr) return nullptr;
        heap_prefix* const b = s.exchange(nullptr, order::acquire);
        if (b != nullptr) bytes_.fetch_sub(b->whole_bytes, order::relaxed);
        return b;
    }

    slot slots_[bin_count * slots_per_bin]{};  // those of the smallest step first
    shared<std::size_t> bytes_{0};
    shared<std::uint32_t> clock_{0};
    shared<std::uint32_t> hand_{0};
};

}  // namespace framealloc::detail
