// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/sync/lock_free.hpp>

namespace framealloc::inline v0_1::sync {

/// Sync: blocks go home. A thread that frees blocks which another thread's slabs gave hands them back to that thread, in
/// batches sorted by owner, through a lock-free inbox; the owner takes all of it when it runs dry and at the start of its
/// frames.
///
/// Choose it where memory should stay with the thread that carved it: producers that outlive what they hand over, memory
/// near one core. Blocks may still serve whoever frees them, from its two magazines, before they go home. Not for speed in
/// general: sorting reads the head of every block's slab. What a sleeping owner is owed waits for it, 32 batches of a class
/// at most; the rest goes to the slabs, from where any thread may take it.
///
///   Cost      That of `lock_free`, and a pass over each full batch that holds other threads' blocks.
///   Threads   Any number.
///   Failure   An operation that would have to wait answers no.
///   Lifetime  With the instance. A thread that ends closes its inboxes.
///   Source    The queue of frees from other threads of many thread-caching allocators; here in batches.
struct owner_queue {
    using family = sync_family;
    static constexpr bool one_thread = false;
    static constexpr bool returns_to_owner = true;

    template <class T>
    using atomic = lock_free::atomic<T>;
    using mutex = lock_free::mutex;
    template <class T, std::size_t Depth>
    using exchange = lock_free::exchange<T, Depth>;

    /// What other threads have for one thread, at most about `Depth` items, linked through their `next`.
    ///
    ///   Cost      One compare-exchange per item given; one exchange to take all.
    ///   Threads   Any number give; one takes, opens and closes.
    ///   Failure   `try_give` answers no when the inbox is full or closed.
    ///   Source    R. K. Treiber, "Systems Programming: Coping with Parallelism", IBM RJ 5118, 1986. Taking the whole list
    ///             instead of one node makes a version counter unnecessary.
    ///   Invariant A node's `next` is final once `head_` reaches it. Only `open` leaves the closed state.
    template <class T, std::size_t Depth>
    class inbox {
    public:
        [[nodiscard]] bool try_give(T* item) noexcept {
            // relaxed: a bound, and no more; it may be passed by as many as give at once.
            if (count_.fetch_add(1, detail::order::relaxed) >= Depth) return leave();
            std::uintptr_t seen = head_.load(detail::order::relaxed);
            do {
                if (seen == closed) return leave();
                item->next = detail::pointer_to<T>(seen);
                // release: publishes the item and what it holds to the taker.
            } while (!head_.compare_exchange(seen, detail::address_of(item), detail::order::release,
                                             detail::order::relaxed));
            return true;
        }
        /// The newest first; null when there is nothing.
        [[nodiscard]] T* take_all() noexcept { return take_and_set(0); }
        /// Takes all, and refuses everything from now on.
        [[nodiscard]] T* close() noexcept { return take_and_set(closed); }
        void open() noexcept { head_.store(0, detail::order::relaxed); }

    private:
        static constexpr std::uintptr_t closed = 1;

        [[nodiscard]] bool leave() noexcept {
            count_.fetch_sub(1, detail::order::relaxed);
            return false;
        }
        [[nodiscard]] T* take_and_set(std::uintptr_t next_head) noexcept {
            // Only the owner closes: what is closed now stays so, and what is empty needs no exchange.
            std::uintptr_t const now = head_.load(detail::order::relaxed);
            if (now == closed || now == next_head) return nullptr;
            // acquire: pairs with the givers' release.
            std::uintptr_t const seen = head_.exchange(next_head, detail::order::acquire);
            T* const first = detail::pointer_to<T>(seen);
            std::size_t n = 0;
            for (T const* item = first; item != nullptr; item = item->next) ++n;
            if (n != 0) count_.fetch_sub(n, detail::order::relaxed);
            return first;
        }

        detail::atomic<std::uintptr_t> head_{0};
        detail::atomic<std::size_t> count_{0};
    };
};

}  // namespace framealloc::sync
