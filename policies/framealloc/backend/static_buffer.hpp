// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/policy.hpp>

namespace framealloc::inline v0_1::backend {

/// Backend: `Bytes` bytes inside the object itself. No heap, no system call, at all.
///
/// Choose it where there is no heap or none may be used: give the allocator static storage and it lives in .bss. With
/// pools, `Align` as large as a slab saves the bytes before the first one. Not where the need is unknown: what is full
/// stays full.
///
///   Cost      First fit over an address-ordered list of free ranges, which are merged on the way back: O(free ranges).
///   Threads   One at a time; the framework locks around it.
///   Failure   Answers null when no free range is large enough.
///   Lifetime  A block lives until `deallocate`; the buffer as long as the allocator.
///   Source    D. E. Knuth, "The Art of Computer Programming", volume 1, section 2.5.
template <std::size_t Bytes, std::size_t Align = 64>
class static_buffer {
public:
    using family = backend_family;
    static constexpr std::size_t capacity_bytes = Bytes;
    static constexpr std::size_t buffer_align = Align;

    constexpr static_buffer() noexcept {}
    static_buffer(static_buffer const&) = delete;
    static_buffer& operator=(static_buffer const&) = delete;

    [[nodiscard]] void* base() noexcept { return buffer_; }

    [[nodiscard]] void* try_allocate(layout request) noexcept {
        if (!started_) start();
        if (request.bytes > Bytes) return nullptr;
        std::size_t const bytes = detail::round_up(request.bytes, granule);
        for (range** link = &free_; *link != nullptr; link = &(*link)->next) {
            range* const r = *link;
            std::uintptr_t const begin = detail::address_of(r);
            std::size_t const before = detail::round_up(begin, request.align) - begin;
            if (before > r->bytes || bytes > r->bytes - before) continue;
            std::size_t const after = r->bytes - before - bytes;
            range* const next = after != 0 ? put_range(begin + before + bytes, after, r->next) : r->next;
            *link = before != 0 ? put_range(begin, before, next) : next;
            return detail::pointer_to<void>(begin + before);
        }
        return nullptr;
    }

    void deallocate(void* p, layout given) noexcept {
        std::uintptr_t const begin = detail::address_of(p);
        std::size_t bytes = detail::round_up(given.bytes, granule);
        range** link = &free_;
        range* before = nullptr;
        while (*link != nullptr && detail::address_of(*link) < begin) {
            before = *link;
            link = &before->next;
        }
        range* after = *link;
        if (after != nullptr && begin + bytes == detail::address_of(after)) {
            bytes += after->bytes;
            after = after->next;
        }
        if (before != nullptr && detail::address_of(before) + before->bytes == begin) {
            before->bytes += bytes;
            before->next = after;
        } else {
            *link = put_range(begin, bytes, after);
        }
    }

private:
    struct range {
        range* next;
        std::size_t bytes;
    };

    static range* put_range(std::uintptr_t at, std::size_t bytes, range* next) noexcept {
        range* const r = detail::pointer_to<range>(at);
        r->next = next;
        r->bytes = bytes;
        return r;
    }
    void start() noexcept {
        free_ = put_range(detail::address_of(buffer_), Bytes, nullptr);
        started_ = true;
    }

    range* free_ = nullptr;
    bool started_ = false;
    alignas(detail::is_power_of_two(Align) ? Align : granule) unsigned char buffer_[Bytes];

    // Last, so that a compiler that stops reading a class at a failed assertion has seen the rest and says no more.
    static_assert(Bytes % granule == 0 && Bytes > 0,
                  "framealloc: backend::static_buffer<Bytes> counts bytes, in sixteens");
    static_assert(layout{.bytes = Bytes, .align = Align}.is_possible() && Align >= granule,
                  "framealloc: backend::static_buffer<Bytes, Align> wants an alignment of 16, 32, ... up to 2 MiB");
};

}  // namespace framealloc::backend
