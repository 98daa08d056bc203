// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/detail/atomic.hpp>

namespace framealloc::inline v0_1 {

/// Where phases are told to: a profiler of the program's choice. Zones nest as the phases do, each on the thread that
/// calls, and `name` is the text that the phase was given. Either function may be null. They are called while no lock of
/// ours is held, may use the allocator, and must not throw, which their types say.
struct profiler {
    void (*zone_begin)(char const* name, void* context) noexcept = nullptr;
    void (*zone_end)(void* context) noexcept = nullptr;
    void* context = nullptr;  ///< handed to both
};

namespace detail {
inline constinit atomic<profiler const*> installed_profiler{nullptr};
}

/// Replaces the process's profiler and answers the one before it; null for none. The object stays the caller's, and has to
/// live until the phases that were open when it was replaced have ended: who heard the begin hears the end. Thread-safe.
inline profiler const* set_profiler(profiler const* p) noexcept {
    return detail::installed_profiler.exchange(p, detail::order::acq_rel);
}

}  // namespace framealloc
