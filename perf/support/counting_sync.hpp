// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/sync/lock_free.hpp>

#include <cstddef>

/// How often a thread has touched what threads share.
struct shared_touches {
    unsigned long long read_modify_writes = 0;  ///< on shared integers and pointers, successful or not, queues included
    unsigned long long stores = 0;              ///< to shared integers and pointers, queues included
    unsigned long long handed_over = 0;         ///< batches that went into a queue or came out of one
    unsigned long long turned_away = 0;         ///< how often a queue was full or empty: one read
    unsigned long long locks = 0;               ///< acquisitions, tried ones included

    shared_touches& operator+=(shared_touches const& other) {
        read_modify_writes += other.read_modify_writes;
        stores += other.stores;
        handed_over += other.handed_over;
        turned_away += other.turned_away;
        locks += other.locks;
        return *this;
    }
};

/// Sync: `lock_free`, which counts what it does for each thread that has a tally. What the allocator does with integers of its
/// own, that no other thread writes, is not made of these types and is not counted; the registry of threads and the system's
/// own locks are not the policy's, either.
///
///   Cost      That of `lock_free`, and a look-up per operation: not for measuring time.
///   Threads   Any number. A tally outlives the thread that counts into it: threads still work while they end.
///   Failure   That of `lock_free`.
///   Lifetime  With the instance.
struct counting_sync {
    using family = framealloc::sync_family;
    static constexpr bool one_thread = false;

    /// The calling thread's; null counts nothing.
    static inline thread_local constinit shared_touches* tally = nullptr;

    template <class T>
    class atomic : public framealloc::sync::lock_free::atomic<T> {
        using counted = framealloc::sync::lock_free::atomic<T>;

    public:
        using counted::counted;
        constexpr atomic() noexcept = default;

        void store(T value, auto order) noexcept {
            if (tally != nullptr) ++tally->stores;
            counted::store(value, order);
        }
        T exchange(T value, auto order) noexcept { return modify(), counted::exchange(value, order); }
        bool compare_exchange(T& expected, T desired, auto success, auto failure) noexcept {
            return modify(), counted::compare_exchange(expected, desired, success, failure);
        }
        T fetch_add(T by, auto order) noexcept { return modify(), counted::fetch_add(by, order); }
        T fetch_sub(T by, auto order) noexcept { return modify(), counted::fetch_sub(by, order); }
        T fetch_or(T bits, auto order) noexcept { return modify(), counted::fetch_or(bits, order); }
        T fetch_and(T bits, auto order) noexcept { return modify(), counted::fetch_and(bits, order); }

    private:
        static void modify() noexcept {
            if (tally != nullptr) ++tally->read_modify_writes;
        }
    };

    class mutex {
    public:
        void lock() noexcept { count(), m_.lock(); }
        void unlock() noexcept { m_.unlock(); }
        [[nodiscard]] bool try_lock() noexcept { return count(), m_.try_lock(); }

    private:
        static void count() noexcept {
            if (tally != nullptr) ++tally->locks;
        }
        framealloc::sync::lock_free::mutex m_{};
    };

    /// A put or a take is one compare-exchange of the queue's ticket and one store to a cell; what is repeated because another
    /// thread was faster is not seen.
    template <class T, std::size_t Depth>
    class exchange {
    public:
        [[nodiscard]] bool try_put(T* item) noexcept { return noted(queue_.try_put(item)); }
        [[nodiscard]] T* try_take() noexcept {
            T* const item = queue_.try_take();
            noted(item != nullptr);
            return item;
        }

    private:
        static bool noted(bool done) noexcept {
            if (tally == nullptr) return done;
            if (!done) {
                ++tally->turned_away;
                return done;
            }
            ++tally->handed_over;
            ++tally->read_modify_writes;
            ++tally->stores;
            return done;
        }
        framealloc::sync::lock_free::exchange<T, Depth> queue_{};
    };
};
static_assert(framealloc::SyncPolicy<counting_sync>);
