// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/detail/platform/platform.hpp>
#include <framealloc/policy.hpp>

namespace framealloc::inline v0_1::backend {

/// Backend: virtual memory, in huge pages of `Bytes` where the system has them to give.
///
/// Choose it for large arenas and many live slabs, where the processor's table of pages is what costs: give it regions and
/// chunks of `Bytes` and more (`alloc_config::region_bytes`, `arena::chunked<Bytes, ..>`). Smaller reservations are served in
/// ordinary pages. Not for small programs: a huge page that is touched once is all there.
///
///   Cost      That of `backend::virtual_memory`, fewer page faults, and address space for the alignment.
///   Threads   Any number.
///   Failure   As `backend::virtual_memory`. Where the system has no huge pages it gives ordinary ones, and says nothing.
///   Lifetime  A reservation lives until `release`. Decommitting part of a huge page breaks it up.
///   Source    Transparent huge pages of Linux; elsewhere ordinary pages.
template <std::size_t Bytes = (std::size_t{2} << 20)>
struct huge_pages {
    using family = backend_family;
    static constexpr bool is_thread_safe = true;

    [[nodiscard]] void* reserve(layout range) noexcept {
        bool const large = range.bytes >= Bytes;
        std::size_t const bytes = whole_pages(range.bytes);
        void* const p = detail::platform::reserve(bytes, large && range.align < Bytes ? Bytes : range.align);
        // A refusal means ordinary pages.
        if (p != nullptr && large) static_cast<void>(detail::platform::prefer_huge_pages(p, bytes));
        return p;
    }
    [[nodiscard]] bool commit(void* p, std::size_t bytes) noexcept {
        return detail::platform::commit(p, whole_pages(bytes));
    }
    [[nodiscard]] bool decommit(void* p, std::size_t bytes) noexcept {
        return detail::platform::decommit(p, whole_pages(bytes));
    }
    [[nodiscard]] bool release(void* p, layout range) noexcept {
        return detail::platform::release(p, whole_pages(range.bytes));
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

private:
    /// Zero when rounding wraps, which the system refuses.
    [[nodiscard]] static std::size_t whole_pages(std::size_t bytes) noexcept {
        return detail::round_up(bytes, detail::platform::page_bytes());
    }

    // Last, so that a compiler that stops reading a class at a failed assertion has seen the rest and says no more.
    static_assert(detail::is_power_of_two(Bytes) && Bytes >= 65536 && Bytes <= (std::size_t{1} << 30),
                  "framealloc: backend::huge_pages<Bytes> wants the size of a huge page, a power of two from 64 KiB to "
                  "1 GiB; without huge pages choose backend::virtual_memory");
};

}  // namespace framealloc::backend
