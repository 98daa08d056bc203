// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/detail/platform/platform.hpp>
#include <framealloc/policy.hpp>

namespace framealloc::inline v0_1::backend {

/// Backend: the system's own heap, as `malloc` gives it.
///
/// Choose it for large blocks, for small programs, and where a tool wants to see each block. Not for regions that should
/// go back to the system page by page: it has no `decommit`.
///
///   Cost      That of `malloc`; no lock of ours.
///   Threads   Any number.
///   Failure   Answers null.
///   Lifetime  A block lives until `deallocate`.
struct system {
    using family = backend_family;
    static constexpr bool is_thread_safe = true;

    [[nodiscard]] void* try_allocate(layout request) noexcept {
        return detail::platform::block(request.bytes, request.align);
    }
    void deallocate(void* p, layout) noexcept { detail::platform::release_block(p); }
};

}  // namespace framealloc::backend
