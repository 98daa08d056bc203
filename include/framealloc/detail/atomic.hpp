// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

// The integers that threads share, as a parameter of the algorithms that use them: `atomic` between threads, `plain`
// where a policy promises one thread, and whatever a test plugs in. They are a few lines over the compiler's own
// operations because <atomic> alone would take two thirds of the front-end time this library allows itself.

#include <framealloc/detail/platform/compiler.hpp>

namespace framealloc::inline v0_1::detail {

enum class order : int {
    relaxed = __ATOMIC_RELAXED,
    acquire = __ATOMIC_ACQUIRE,
    release = __ATOMIC_RELEASE,
    acq_rel = __ATOMIC_ACQ_REL,
};

/// One integer or pointer that several threads may read and write. The members mean what `std::atomic`'s do.
template <class T>
class atomic {
public:
    constexpr atomic() noexcept = default;
    constexpr explicit atomic(T value) noexcept : value_(value) {}
    atomic(atomic const&) = delete;
    atomic& operator=(atomic const&) = delete;

    [[nodiscard, gnu::always_inline]] T load(order o) const noexcept {
        T seen;
        __atomic_load(&value_, &seen, int(o));
        return seen;
    }
    [[gnu::always_inline]] void store(T value, order o) noexcept { __atomic_store(&value_, &value, int(o)); }
    T exchange(T value, order o) noexcept {
        T before;
        __atomic_exchange(&value_, &value, &before, int(o));
        return before;
    }
    bool compare_exchange(T& expected, T desired, order success, order failure) noexcept {
        return __atomic_compare_exchange(&value_, &expected, &desired, false, int(success), int(failure));
    }
    T fetch_add(T by, order o) noexcept { return __atomic_fetch_add(&value_, by, int(o)); }
    T fetch_sub(T by, order o) noexcept { return __atomic_fetch_sub(&value_, by, int(o)); }
    T fetch_or(T bits, order o) noexcept { return __atomic_fetch_or(&value_, bits, int(o)); }
    T fetch_and(T bits, order o) noexcept { return __atomic_fetch_and(&value_, bits, int(o)); }

private:
    T value_{};
};

/// The same members for a value that one thread owns.
template <class T>
class plain {
public:
    constexpr plain() noexcept = default;
    constexpr explicit plain(T value) noexcept : value_(value) {}
    plain(plain const&) = delete;
    plain& operator=(plain const&) = delete;

    [[nodiscard]] T load(order) const noexcept { return value_; }
    void store(T value, order) noexcept { value_ = value; }
    T exchange(T value, order) noexcept {
        T const before = value_;
        value_ = value;
        return before;
    }
    bool compare_exchange(T& expected, T desired, order, order) noexcept {
        bool const same = value_ == expected;
        (same ? value_ : expected) = same ? desired : value_;
        return same;
    }
    T fetch_add(T by, order o) noexcept { return exchange(static_cast<T>(value_ + by), o); }
    T fetch_sub(T by, order o) noexcept { return exchange(static_cast<T>(value_ - by), o); }
    T fetch_or(T bits, order o) noexcept { return exchange(static_cast<T>(value_ | bits), o); }
    T fetch_and(T bits, order o) noexcept { return exchange(static_cast<T>(value_ & bits), o); }

private:
    T value_{};
};

/// Raises `peak` to `value` if it is lower. Lock-free; a peak is never lost (a load followed by a store would lose it).
template <class Atomic, class T>
void raise_to(Atomic& peak, T value) noexcept {
    T seen = peak.load(order::relaxed);
    while (seen < value && !peak.compare_exchange(seen, value, order::relaxed, order::relaxed)) {}
}

/// A statistic that one thread counts and any thread may read: never used to synchronise.
///
///   Cost      one instruction per `add` on x86-64: an unlocked add to memory, which is what a relaxed load and store by
///             the only writer amount to, and which compilers do not yet merge.
///   Threads   One writes, any read.
///   Source    TCMalloc's StatsCounter.
class owner_counter {
public:
    void add(unsigned long long n) noexcept {
#if defined(__x86_64__) && !FRAMEALLOC_THREAD_SANITIZER
        __asm__("addq %1, %0" : "+m"(value_) : "er"(n) : "cc");
#else
        __atomic_store_n(&value_, __atomic_load_n(&value_, __ATOMIC_RELAXED) + n, __ATOMIC_RELAXED);
#endif
    }
    /// The caller knows that there is as much.
    void subtract(unsigned long long n) noexcept {
#if defined(__x86_64__) && !FRAMEALLOC_THREAD_SANITIZER
        __asm__("subq %1, %0" : "+m"(value_) : "er"(n) : "cc");
#else
        set(read() - n);
#endif
    }
    void set(unsigned long long n) noexcept { __atomic_store_n(&value_, n, __ATOMIC_RELAXED); }
    void raise(unsigned long long n) noexcept {
        if (read() < n) __atomic_store_n(&value_, n, __ATOMIC_RELAXED);
    }
    [[nodiscard]] unsigned long long read() const noexcept { return __atomic_load_n(&value_, __ATOMIC_RELAXED); }

private:
    unsigned long long value_ = 0;
};

/// A byte that one thread writes and reads as its own, and any thread may read for statistics.
class owner_byte {
public:
    [[nodiscard, gnu::always_inline]] unsigned char own() const noexcept { return value_; }
    [[nodiscard]] unsigned char read() const noexcept { return __atomic_load_n(&value_, __ATOMIC_RELAXED); }
    [[gnu::always_inline]] void set(unsigned value) noexcept {
        __atomic_store_n(&value_, static_cast<unsigned char>(value), __ATOMIC_RELAXED);
    }

private:
    unsigned char value_ = 0;
};

/// A byte that several threads may read and write, relaxed; read as the number that an index wants.
class shared_byte {
public:
    [[nodiscard, gnu::always_inline]] unsigned read() const noexcept {
#if defined(__x86_64__) && !FRAMEALLOC_THREAD_SANITIZER
        // A relaxed load and a conversion, which compilers do not yet merge.
        unsigned seen;
        __asm__("movzbl %1, %0" : "=r"(seen) : "m"(value_));
        return seen;
#else
        return __atomic_load_n(&value_, __ATOMIC_RELAXED);
#endif
    }
    [[gnu::always_inline]] void write(unsigned value) noexcept {
        __atomic_store_n(&value_, static_cast<unsigned char>(value), __ATOMIC_RELAXED);
    }

private:
    unsigned char value_ = 0;
};

/// What one thread may still take of something, and any thread may read. Below 2^31.
///
///   Cost      `take` is an unlocked subtraction in memory and a branch on its borrow.
///   Threads   One writes, any read; while `take` fails, others may see a very large number.
class owner_allowance {
public:
    /// False where there was less: then the number has wrapped, and the caller gives `n` back.
    [[nodiscard, gnu::always_inline]] bool take(unsigned long long n) noexcept {
#if defined(__x86_64__) && !FRAMEALLOC_THREAD_SANITIZER
        bool borrow;
        __asm__("subl %2, %0" : "+m"(value_), "=@ccb"(borrow) : "er"(static_cast<unsigned>(n)));
        return !borrow;
#else
        unsigned const before = static_cast<unsigned>(read());
        set(before - static_cast<unsigned>(n));
        return before >= n;
#endif
    }
    void give(unsigned long long n) noexcept { set(static_cast<unsigned>(read()) + static_cast<unsigned>(n)); }
    void set(unsigned long long n) noexcept { __atomic_store_n(&value_, static_cast<unsigned>(n), __ATOMIC_RELAXED); }
    [[nodiscard]] unsigned long long read() const noexcept { return __atomic_load_n(&value_, __ATOMIC_RELAXED); }

private:
    unsigned value_ = 0;
};

}  // namespace framealloc::detail
