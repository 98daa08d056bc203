// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/backend/virtual_memory.hpp>

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
struct huge_pages : virtual_memory {
    [[nodiscard]] void* reserve(layout range) noexcept {
        bool const large = range.bytes >= Bytes;
        if (large && range.align < Bytes) range.align = Bytes;
        void* const p = virtual_memory::reserve(range);
        // A refusal means ordinary pages.
        if (p != nullptr && large) static_cast<void>(detail::platform::prefer_huge_pages(p, whole_pages(range.bytes)));
        return p;
    }

    [[nodiscard]] void* try_allocate(layout request) noexcept {
        void* const p = reserve(request);
        if (p == nullptr || commit(p, request.bytes)) return p;
        static_cast<void>(release(p, request));
        return nullptr;
    }
    void deallocate(void* p, layout given) noexcept { virtual_memory::deallocate(p, given); }

    // Last, so that a compiler that stops reading a class at a failed assertion has seen the rest and says no more.
    static_assert(detail::is_power_of_two(Bytes) && Bytes >= 65536 && Bytes <= (std::size_t{1} << 30),
                  "framealloc: backend::huge_pages<Bytes> wants the size of a huge page, a power of two from 64 KiB to "
                  "1 GiB; without huge pages choose backend::virtual_memory");
};

}  // namespace framealloc::backend
