// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

namespace framealloc::inline v0_1::detail {

/// One policy of each family, in canonical order: the name under which everything below the public interface knows an
/// allocator, whatever the order in which its policies were written.
template <class Backend, class Arena, class Pool, class Sync, class Budget, class Diagnostics>
struct assembly {
    using backend = Backend;
    using arena = Arena;
    using pool = Pool;
    using sync = Sync;
    using budget = Budget;
    using diagnostics = Diagnostics;
};

/// Holds a lock for a scope. std::lock_guard would bring <mutex> into every translation unit.
template <class Mutex>
class [[nodiscard]] locked {
public:
    explicit locked(Mutex& m) : m_(m) { m_.lock(); }
    ~locked() { m_.unlock(); }
    locked(locked const&) = delete;
    locked& operator=(locked const&) = delete;

private:
    Mutex& m_;
};

}  // namespace framealloc::detail
