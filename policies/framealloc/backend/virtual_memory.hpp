// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/detail/platform/platform.hpp>
#include <framealloc/detail/sanitizer.hpp>
#include <framealloc/policy.hpp>

namespace framealloc::inline v0_1::backend {

/// Backend: pages from the operating system. Address space is reserved first and gets memory when it is committed.
///
/// Choose it for regions and chunks: what is decommitted leaves the process at once. Not for many small blocks, each of
/// which costs a page and a system call; the default assembly takes large blocks from `backend::system`.
///
///   Cost      One system call per operation, and a page fault at the first touch of each page.
///   Threads   Any number.
///   Failure   `reserve`, `commit` and `try_allocate` answer null or false and change nothing; exhaustion is seen at the
///             commit, because reservations are made without MAP_NORESERVE.
///   Lifetime  A reservation lives until `release`.
struct virtual_memory {
    using family = backend_family;
    static constexpr bool is_thread_safe = true;

    [[nodiscard]] void* reserve(layout range) noexcept {
        std::size_t const bytes = whole_pages(range.bytes);
        void* const p = detail::platform::reserve(bytes, range.align);
        if (p != nullptr) detail::pointers_may_be_in(p, bytes);
        return p;
    }
    [[nodiscard]] bool commit(void* p, std::size_t bytes) noexcept {
        return detail::platform::commit(p, whole_pages(bytes));
    }
    [[nodiscard]] bool decommit(void* p, std::size_t bytes) noexcept {
        return detail::platform::decommit(p, whole_pages(bytes));
    }
    [[nodiscard]] bool release(void* p, layout range) noexcept {
        std::size_t const bytes = whole_pages(range.bytes);
        bool const gone = detail::platform::release(p, bytes);
        if (gone) detail::pointers_are_no_more_in(p, bytes);
        return gone;
    }
    [[nodiscard]] bool discard(void* p, std::size_t bytes) noexcept {
        return detail::platform::discard(p, whole_pages(bytes));
    }

    [[nodiscard]] void* try_allocate(layout request) noexcept {
        void* const p = reserve(request);
        if (p == nullptr || commit(p, request.bytes)) return p;
        static_cast<void>(release(p, request));
        return nullptr;
    }
    void deallocate(void* p, layout given) noexcept { static_cast<void>(release(p, given)); }

protected:
    /// Zero when rounding wraps, which the system refuses.
    [[nodiscard]] static std::size_t whole_pages(std::size_t bytes) noexcept {
        return detail::round_up(bytes, detail::platform::page_bytes());
    }
};

}  // namespace framealloc::backend
