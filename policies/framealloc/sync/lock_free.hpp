// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/detail/atomic.hpp>
#include <framealloc/detail/platform/platform.hpp>
#include <framealloc/policy.hpp>

namespace framealloc::inline v0_1::sync {

/// Sync: threads meet in lock-free queues. The default.
///
/// Choose it for everything with more than one thread. What a thread frees or needs in bulk goes through `exchange`; only
/// taking a slab, a chunk or a thread record takes a short lock, and no free ever does.
///
///   Cost      One compare-exchange per batch of blocks.
///   Threads   Any number.
///   Failure   An operation that would have to wait answers no.
///   Lifetime  With the instance.
struct lock_free {
    using family = sync_family;
    static constexpr bool one_thread = false;

    template <class T>
    using atomic = detail::atomic<T>;
    using mutex = detail::platform::mutex;

    /// A bounded first-in first-out queue of pointers, for any number of putters and takers.
    ///
    ///   Cost      One compare-exchange and one store each.
    ///   Threads   Any number on both ends. Nobody waits: a thread suspended half-way makes its one cell look empty to
    ///             takers and full to putters, who answer no and go elsewhere.
    ///   Source    D. Vyukov's bounded multi-producer multi-consumer queue.
    ///   Invariant Cell i serves tickets i, i + Depth, i + 2 Depth, ... Its turn is t when the put with ticket t may write
    ///             it, and t + 1 when the take with ticket t may read it. Tickets only grow, so there is no ABA.
    template <class T, std::size_t Depth>
    class exchange {
        static_assert(detail::is_power_of_two(Depth) && Depth >= 2,
                      "framealloc: an exchange has a power of two of cells");

    public:
        [[nodiscard]] bool try_put(T* item) noexcept {
            std::size_t ticket = put_.load(detail::order::relaxed);  // a guess, which the compare-exchange verifies
            for (;;) {
                cell& c = cells_[ticket % Depth];
                // acquire: pairs with the take that freed the cell, so that its read of `item` is over.
                std::size_t const turn = c.turn_at(ticket % Depth);
                if (turn == ticket) {
                    // relaxed: the ticket only says who may write the cell; the cell's turn publishes what is written.
                    if (put_.compare_exchange(ticket, ticket + 1, detail::order::relaxed, detail::order::relaxed)) {
                        c.item = item;
                        // release: publishes `item` and everything written to what it points at.
                        c.set_turn(ticket + 1, ticket % Depth);
                        return true;
                    }
                } else if (static_cast<std::ptrdiff_t>(turn - ticket) < 0) {
                    return false;  // full, or the taker of the round before is not done
                } else {
                    ticket = put_.load(detail::order::relaxed);
                }
            }
        }

        [[nodiscard]] T* try_take() noexcept {
            std::size_t ticket = take_.load(detail::order::relaxed);
            for (;;) {
                cell& c = cells_[ticket % Depth];
                // acquire: pairs with the put's release, and makes the item's contents visible.
                std::size_t const turn = c.turn_at(ticket % Depth);
                if (turn == ticket + 1) {
                    if (take_.compare_exchange(ticket, ticket + 1, detail::order::relaxed, detail::order::relaxed)) {
                        T* const item = c.item;
                        // release: our read of `item` comes before the next round's write.
                        c.set_turn(ticket + Depth, ticket % Depth);
                        return item;
                    }
                } else if (static_cast<std::ptrdiff_t>(turn - (ticket + 1)) < 0) {
                    return nullptr;  // empty, or the putter is not done
                } else {
                    ticket = take_.load(detail::order::relaxed);
                }
            }
        }

    private:
        /// The turn is kept less the cell's number, so that all cells start as zero and an instance in static storage
        /// costs no byte of the program file.
        struct cell {
            detail::atomic<std::size_t> turn{0};
            T* item = nullptr;
            [[nodiscard]] std::size_t turn_at(std::size_t i) const noexcept {
                return turn.load(detail::order::acquire) + i;
            }
            void set_turn(std::size_t t, std::size_t i) noexcept { turn.store(t - i, detail::order::release); }
        };

        cell cells_[Depth]{};
        // Written by many threads, by different ones at each end: a cache line apart.
        alignas(detail::cache_line_bytes) detail::atomic<std::size_t> put_{0};
        alignas(detail::cache_line_bytes) detail::atomic<std::size_t> take_{0};
    };
};

}  // namespace framealloc::sync
