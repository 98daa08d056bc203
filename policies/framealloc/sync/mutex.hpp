// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/detail/atomic.hpp>
#include <framealloc/detail/ring.hpp>
#include <framealloc/policy.hpp>

#if FRAMEALLOC_THREAD_SANITIZER
extern "C" void __tsan_acquire(void* address);
extern "C" void __tsan_release(void* address);
#endif

namespace framealloc::inline v0_1::sync {

namespace mutex_detail {

/// Tell ThreadSanitizer what a mutex orders, which it cannot see in a library that was built without it.
inline void acquired([[maybe_unused]] void* m) noexcept {
#if FRAMEALLOC_THREAD_SANITIZER
    __tsan_acquire(m);
#endif
}
inline void about_to_release([[maybe_unused]] void* m) noexcept {
#if FRAMEALLOC_THREAD_SANITIZER
    __tsan_release(m);
#endif
}

template <class M>
concept locks_in_lower_case = requires(M& m) {
    m.lock();
    m.unlock();
};
/// Abseil's mutex.
template <class M>
concept locks_in_upper_case = requires(M& m) {
    m.Lock();
    m.Unlock();
};
template <class M>
concept tries_in_lower_case = requires(M& m) {
    { m.try_lock() } -> std::convertible_to<bool>;
};
template <class M>
concept tries_in_upper_case = requires(M& m) {
    { m.TryLock() } -> std::convertible_to<bool>;
};

}  // namespace mutex_detail

/// Sync: threads meet behind mutexes of type `M`: `std::mutex`, `absl::Mutex`, a spin lock, any BasicLockable.
///
/// Choose it where the platform's lock is the one that tools, priorities or rules ask for. Not for speed: `lock_free` is
/// never slower.
///
///   Cost      One lock per batch of blocks, per slab and per chunk; none per allocation.
///   Threads   Any number. A free never waits: it tries the lock, and refused goes by the slab's bits. A mutex without
///             `try_lock` is therefore never taken by a free.
///   Failure   An operation that would have to wait answers no.
///   Lifetime  With the instance.
template <class M>
struct mutex_sync {
    using family = sync_family;
    static constexpr char described_as[] = "sync::mutex";
    static constexpr bool one_thread = false;

    template <class T>
    using atomic = detail::atomic<T>;

    class mutex {
    public:
        constexpr mutex() = default;
        void lock() {
            if constexpr (mutex_detail::locks_in_lower_case<M>) {
                m_.lock();
            } else if constexpr (mutex_detail::locks_in_upper_case<M>) {
                m_.Lock();
            }
            mutex_detail::acquired(&m_);
        }
        void unlock() {
            mutex_detail::about_to_release(&m_);
            if constexpr (mutex_detail::locks_in_lower_case<M>) {
                m_.unlock();
            } else if constexpr (mutex_detail::locks_in_upper_case<M>) {
                m_.Unlock();
            }
        }
        [[nodiscard]] bool try_lock() {
            bool got = false;
            if constexpr (mutex_detail::tries_in_lower_case<M>) {
                got = m_.try_lock();
            } else if constexpr (mutex_detail::tries_in_upper_case<M>) {
                got = m_.TryLock();
            }
            if (got) mutex_detail::acquired(&m_);
            return got;
        }
        [[nodiscard]] M& underlying() noexcept { return m_; }

    private:
        M m_{};
    };

    /// A ring behind a mutex that is tried, never waited for.
    template <class T, std::size_t Depth>
    class exchange {
    public:
        [[nodiscard]] bool try_put(T* item) noexcept {
            if (!guard_.try_lock()) return false;
            bool const fits = ring_.try_put(item);
            guard_.unlock();
            return fits;
        }
        [[nodiscard]] T* try_take() noexcept {
            if (!guard_.try_lock()) return nullptr;
            T* const item = ring_.try_take();
            guard_.unlock();
            return item;
        }

    private:
        mutex guard_{};
        detail::ring<T, Depth> ring_{};
    };

    // Last, so that a compiler that stops reading a class at a failed assertion has seen the rest and says no more.
    static_assert(mutex_detail::locks_in_lower_case<M> || mutex_detail::locks_in_upper_case<M>,
                  "framealloc: sync::mutex<M> wants a type with lock() and unlock(), or Lock() and Unlock()");
};

template <class M>
using mutex = mutex_sync<M>;

}  // namespace framealloc::sync
