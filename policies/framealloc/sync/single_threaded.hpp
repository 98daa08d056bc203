// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/detail/atomic.hpp>
#include <framealloc/detail/ring.hpp>
#include <framealloc/policy.hpp>

namespace framealloc::inline v0_1::sync {

/// Sync: one thread. The thread's state lives inside the allocator object; there is no look-up, no atomic and no lock.
///
/// Choose it for tools, for embedded programs, and for an allocator that one thread owns. Not when any other thread may
/// free: nothing here notices it.
///
///   Cost      None.
///   Threads   One, the same from construction to destruction or handed over as a whole.
///   Failure   Nothing can fail.
///   Lifetime  With the instance.
struct single_threaded {
    using family = sync_family;
    static constexpr bool one_thread = true;

    template <class T>
    using atomic = detail::plain<T>;

    struct mutex {
        void lock() noexcept {}
        void unlock() noexcept {}
        [[nodiscard]] bool try_lock() noexcept { return true; }
    };

    template <class T, std::size_t Depth>
    using exchange = detail::ring<T, Depth>;
};

}  // namespace framealloc::sync
