// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/detail/assembly.hpp>

namespace framealloc::inline v0_1::detail {

template <class A>
class pool_store;

/// The lock of an instance, for its cold paths: slabs, records, the list of empty batches. A free only tries it. Where that
/// fails it leaves its slabs in a line, and who has the lock sees to them after leaving it, so that they wait for nobody's
/// next call.
///
///   Cost      That of the policy's mutex, and one read-modify-write of the line.
///   Threads   Any number.
///   Failure   A mutex that cannot be tried leaves the line to the next allocation that takes a slab.
///   Invariant A slab that comes into the line is seen by the thread that comes with it, or by the one that had the lock when
///             that thread tried it: `pool_store::serve_line` argues why.
template <class A>
class instance_lock {
public:
    constexpr instance_lock() noexcept = default;

    void lock() { mutex_.lock(); }
    [[nodiscard]] bool try_lock() { return mutex_.try_lock(); }
    [[gnu::noinline]] void unlock() noexcept {
        mutex_.unlock();
        if constexpr (A::pool::class_count != 0 && !A::sync::one_thread) serve_line();
    }
    /// Sees to the line where there is one and nobody has the lock, or the caller, who leaves it.
    void serve_line(bool has_lock = false) noexcept { pools_->serve_line(mutex_, has_lock); }
    /// Around a fork, when the registry of threads is locked as well and no backend may be asked: what has come into the
    /// line is seen to after the next call.
    void unlock_after_fork() noexcept { mutex_.unlock(); }

    /// Whose line it is. Before the first use.
    constexpr void belongs_to(pool_store<A>& pools) noexcept { pools_ = &pools; }

private:
    typename A::sync::mutex mutex_{};
    pool_store<A>* pools_ = nullptr;
};

}  // namespace framealloc::detail
