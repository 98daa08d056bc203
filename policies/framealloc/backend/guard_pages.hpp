// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/backend/virtual_memory.hpp>
#include <framealloc/policy.hpp>

namespace framealloc::inline v0_1::backend {

/// Backend: `Inner`, with a page that cannot be touched in front of and behind each range and each block. Writing past the
/// end of a region, a frame chunk or a large block stops the program there.
///
/// Choose it to find a stray write. Not in a product: each block costs three pages at least, and a system that limits the
/// number of mappings (65,530 on Linux) soon refuses.
///
///   Cost      That of `Inner`, and two pages of address space per range and block. A block ends where its last page does,
///             as far as its alignment allows.
///   Threads   As `Inner`.
///   Failure   As `Inner`.
///   Lifetime  As `Inner`.
///   Source    B. Perens, Electric Fence, 1987.
template <class Inner = virtual_memory>
class guard_pages {
public:
    using family = backend_family;
    static constexpr bool is_thread_safe = backend_is_thread_safe<Inner>;
    static constexpr unsigned giver_bits = giver_bits_of<Inner>;

    constexpr guard_pages() = default;
    constexpr explicit guard_pages(Inner inner) : inner_(inner) {}

    [[nodiscard]] backend_result reserve(layout range) noexcept {
        if (!fits(range)) return backend_result::fallback();
        backend_result const r = backend_calls::reserve(inner_, guarded(range));
        return r ? backend_result::block(behind_guard(r.address(), range), r.giver()) : r;
    }
    [[nodiscard]] bool commit(void* p, std::size_t bytes, giver_byte giver = 0) noexcept {
        return backend_calls::commit(inner_, p, bytes, giver);
    }
    [[nodiscard]] bool decommit(void* p, std::size_t bytes, giver_byte giver = 0) noexcept {
        return backend_calls::decommit(inner_, p, bytes, giver);
    }
    [[nodiscard]] bool release(void* p, layout range, giver_byte giver = 0) noexcept {
        return backend_calls::release(inner_, at_guard(p, range), guarded(range), giver);
    }
    [[nodiscard]] bool discard(void* p, std::size_t bytes, giver_byte giver = 0) noexcept
        requires has_discard<Inner>
    {
        return backend_calls::discard(inner_, p, bytes, giver);
    }

    [[nodiscard]] backend_result try_allocate(layout request) noexcept {
        backend_result const r = reserve(request);
        if (!r) return r;
        if (!commit(r.address(), whole(request), r.giver())) {
            static_cast<void>(release(r.address(), request, r.giver()));
            return backend_result::fallback();
        }
        return backend_result::block(detail::behind(r.address(), room_in_front(request)), r.giver());
    }
    void deallocate(void* p, layout given, giver_byte giver = 0) noexcept {
        void* const first = detail::pointer_to<void>(detail::address_of(p) - room_in_front(given));
        static_cast<void>(release(first, given, giver));
    }

    [[nodiscard]] Inner& inner() noexcept { return inner_; }

private:
    [[nodiscard]] static std::size_t page() noexcept { return detail::platform::page_bytes(); }
    /// Alignment of the guarded range, and bytes of the guard in front, so that what follows it is aligned as well.
    [[nodiscard]] static std::size_t step(layout l) noexcept { return l.align > page() ? l.align : page(); }
    [[nodiscard]] static std::size_t whole(layout l) noexcept { return detail::round_up(l.bytes, step(l)); }
    [[nodiscard]] static bool fits(layout l) noexcept { return l.bytes <= SIZE_MAX - 4 * step(l); }

    [[nodiscard]] static layout guarded(layout l) noexcept {
        return {.bytes = step(l) + whole(l) + page(), .align = step(l)};
    }
    [[nodiscard]] static void* behind_guard(void* p, layout l) noexcept { return detail::behind(p, step(l)); }
    [[nodiscard]] static void* at_guard(void* p, layout l) noexcept {
        return detail::pointer_to<void>(detail::address_of(p) - step(l));
    }
    /// Bytes left free in a block's first page, so that it ends at its last.
    [[nodiscard]] static std::size_t room_in_front(layout l) noexcept {
        return whole(l) - detail::round_up(l.bytes, l.align);
    }

    [[no_unique_address]] Inner inner_{};

    // Last, so that a compiler that stops reading a class at a failed assertion has seen the rest and says no more.
    static_assert(
        has_virtual_memory<Inner>,
        "framealloc: backend::guard_pages<Inner> wants a backend that reserves, commits, decommits and releases");
};

}  // namespace framealloc::backend
