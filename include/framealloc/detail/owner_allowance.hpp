// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/detail/platform/compiler.hpp>

// Small integers that one thread changes and others may read, where a compiler makes more of a relaxed load and store than
// need be.

namespace framealloc::inline v0_1::detail {

/// A byte that several threads may read and write, relaxed; read as the number that an index wants.
class shared_byte {
public:
    [[nodiscard, gnu::always_inline]] unsigned long read() const noexcept {
#if defined(__x86_64__) && !FRAMEALLOC_THREAD_SANITIZER
        // A relaxed load and a conversion, which compilers do not yet merge.
        unsigned long seen;  // whole: an index is extended already
        __asm__("movzbl %1, %k0" : "=r"(seen) : "m"(value_));
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

}  // namespace framealloc::inline v0_1::detail
