// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/detail/atomic.hpp>
#include <framealloc/policy.hpp>

namespace framealloc::inline v0_1::budget {

/// Budget: one hard limit, in bytes, on everything that the instance takes from its backend.
///
/// Choose it when the program has been given a number of megabytes: `smart_alloc_with_budget a{budget::global{64_MiB}}`.
/// What is charged is what the backend hands out (slabs, frame chunks, large blocks, our own records), in its units, not
/// what single requests ask for: so the limit is on the memory the process really needs, and no hot path sees it. Not for
/// limits per subsystem.
///
///   Cost      One compare-exchange per backend call.
///   Threads   Any number. The limit is exact: the sum of all charges never exceeds it by one byte.
///   Failure   `try_charge` answers false and changes nothing (FA301).
///   Lifetime  With the instance.
class global {
public:
    using family = budget_family;

    constexpr global() noexcept = default;
    constexpr explicit global(std::size_t limit_bytes) noexcept : limit_(limit_bytes) {}
    global(global const& other) noexcept : limit_(other.limit_bytes()) {}
    global& operator=(global const&) = delete;

    [[nodiscard]] bool try_charge(std::size_t bytes) noexcept {
        std::size_t used = used_.load(detail::order::relaxed);
        do {
            std::size_t const limit = limit_bytes();
            if (used > limit || bytes > limit - used) return false;
            // Relaxed: the number guards itself; no other memory is published with it.
        } while (!used_.compare_exchange(used, used + bytes, detail::order::relaxed, detail::order::relaxed));
        return true;
    }
    void refund(std::size_t bytes) noexcept { used_.fetch_sub(bytes, detail::order::relaxed); }

    [[nodiscard]] std::size_t used_bytes() const noexcept { return used_.load(detail::order::relaxed); }
    [[nodiscard]] std::size_t limit_bytes() const noexcept { return limit_.load(detail::order::relaxed); }

    /// Takes effect at the next charge. A limit below what is used refuses everything until enough has gone back.
    void set_limit_bytes(std::size_t bytes) noexcept { limit_.store(bytes, detail::order::relaxed); }

private:
    detail::atomic<std::size_t> used_{0};
    detail::atomic<std::size_t> limit_{SIZE_MAX};
};

}  // namespace framealloc::budget
