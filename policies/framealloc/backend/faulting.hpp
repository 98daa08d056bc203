// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/detail/atomic.hpp>
#include <framealloc/policy.hpp>

namespace framealloc::inline v0_1::backend {

/// The backend's operations that can refuse.
enum class backend_operation : unsigned char { allocate, reserve, commit, decommit, release, discard };
inline constexpr std::size_t backend_operation_count = 6;

/// Which calls of an operation are to be refused. The first call is number 1.
struct fault_plan {
    enum class mode : unsigned char { never, once, from, every, random };

    mode how = mode::never;
    std::uint64_t n = 0;  ///< the call, the first call, the step, or the chance in units of 2^-32
    std::uint64_t seed = 0;

    [[nodiscard]] static constexpr fault_plan never() noexcept { return {}; }
    /// Refuses call `n` only.
    [[nodiscard]] static constexpr fault_plan once(std::uint64_t n) noexcept { return {mode::once, n, 0}; }
    /// Refuses call `n` and all after it. Callers that collect and try again need this one to be seen failing.
    [[nodiscard]] static constexpr fault_plan from(std::uint64_t n) noexcept { return {mode::from, n, 0}; }
    /// Refuses each `k`-th call.
    [[nodiscard]] static constexpr fault_plan every(std::uint64_t k) noexcept { return {mode::every, k, 0}; }
    /// Refuses each call with probability `p`, from 0 to 1, the same calls for the same `seed`.
    [[nodiscard]] static constexpr fault_plan random(double p, std::uint64_t seed) noexcept {
        return {mode::random, static_cast<std::uint64_t>(p * 4294967296.0), seed};
    }

    /// Whether call number `call` is refused.
    [[nodiscard]] constexpr bool refuses(std::uint64_t call) const noexcept {
        switch (how) {
            case mode::never: return false;
            case mode::once: return call == n;
            case mode::from: return call >= n;
            case mode::every: return n != 0 && call % n == 0;
            case mode::random: return (mix(call + mix(seed)) >> 32) < n;
        }
        return false;
    }

private:
    /// G. L. Steele, D. Lea, C. H. Flood, "Fast splittable pseudorandom number generators" (SplitMix64), OOPSLA 2014.
    [[nodiscard]] static constexpr std::uint64_t mix(std::uint64_t x) noexcept {
        x += 0x9E3779B97F4A7C15u;
        x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
        x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
        return x ^ (x >> 31);
    }
};

/// Backend: `Inner`, of which chosen calls are refused.
///
/// Choose it in tests, to prove that a failure at any point changes nothing: `alloc.backend().fail(backend_operation::commit,
/// fault_plan::once(3))`, for 1, 2, 3, ... until the scenario passes untouched.
///
///   Cost      One relaxed atomic addition per call.
///   Threads   As `Inner`. Plans are changed while no call is under way.
///   Failure   As planned: null or false, without asking `Inner`.
///   Lifetime  That of `Inner`.
///   Source    SQLite's out-of-memory tests.
template <class Inner>
class faulting {
public:
    using family = backend_family;
    static constexpr bool is_thread_safe = backend_is_thread_safe<Inner>;
    static constexpr unsigned giver_bits = giver_bits_of<Inner>;

    constexpr faulting() = default;
    constexpr explicit faulting(Inner inner) : inner_(inner) {}

    /// Replaces the plan for one operation and starts its count of calls anew.
    void fail(backend_operation operation, fault_plan plan) noexcept {
        gate& g = gates_[std::size_t(operation)];
        g.plan = plan;
        g.calls.store(0, detail::order::relaxed);
    }
    void fail_all(fault_plan plan) noexcept {
        for (std::size_t i = 0; i < backend_operation_count; ++i) fail(backend_operation(i), plan);
    }
    /// Calls of `operation` since its plan was set, refused ones included.
    [[nodiscard]] std::uint64_t calls(backend_operation operation) const noexcept {
        return gates_[std::size_t(operation)].calls.load(detail::order::relaxed);
    }
    [[nodiscard]] Inner& inner() noexcept { return inner_; }

    [[nodiscard]] auto try_allocate(layout request) noexcept {
        using answer = decltype(inner_.try_allocate(request));
        return refuses(backend_operation::allocate) ? backend_calls::refusal<answer>() : inner_.try_allocate(request);
    }
    void deallocate(void* p, layout given, giver_byte giver = 0) noexcept {
        backend_calls::deallocate(inner_, p, given, giver);
    }

    [[nodiscard]] auto reserve(layout range) noexcept
        requires has_virtual_memory<Inner>
    {
        using answer = decltype(inner_.reserve(range));
        return refuses(backend_operation::reserve) ? backend_calls::refusal<answer>() : inner_.reserve(range);
    }
    [[nodiscard]] bool commit(void* p, std::size_t bytes, giver_byte giver = 0) noexcept
        requires has_virtual_memory<Inner>
    {
        return !refuses(backend_operation::commit) && backend_calls::commit(inner_, p, bytes, giver);
    }
    [[nodiscard]] bool decommit(void* p, std::size_t bytes, giver_byte giver = 0) noexcept
        requires has_virtual_memory<Inner>
    {
        return !refuses(backend_operation::decommit) && backend_calls::decommit(inner_, p, bytes, giver);
    }
    [[nodiscard]] bool release(void* p, layout range, giver_byte giver = 0) noexcept
        requires has_virtual_memory<Inner>
    {
        return !refuses(backend_operation::release) && backend_calls::release(inner_, p, range, giver);
    }
    [[nodiscard]] bool discard(void* p, std::size_t bytes, giver_byte giver = 0) noexcept
        requires has_discard<Inner>
    {
        return !refuses(backend_operation::discard) && backend_calls::discard(inner_, p, bytes, giver);
    }

private:
    struct gate {
        fault_plan plan{};
        detail::atomic<std::uint64_t> calls{0};
    };

    [[nodiscard]] bool refuses(backend_operation operation) noexcept {
        gate& g = gates_[std::size_t(operation)];
        return g.plan.refuses(g.calls.fetch_add(1, detail::order::relaxed) + 1);
    }

    [[no_unique_address]] Inner inner_{};
    gate gates_[backend_operation_count]{};
};

}  // namespace framealloc::backend
