// SPDX-License-Identifier: MIT OR Apache-2.0
#include "support/test.hpp"

#include <framealloc/backend/static_buffer.hpp>
#include <framealloc/testing/backend.hpp>

#include <cstring>

using namespace framealloc;

// A kit that accepts everything looks exactly like one that works: each backend here breaks one promise, and the kit
// has to say which.

namespace {

struct misaligned : backend::system {
    static constexpr bool is_thread_safe = false;
    [[nodiscard]] void* try_allocate(layout request) noexcept {
        return backend::system::try_allocate(
            {.bytes = request.bytes, .align = request.align > 16 ? 16 : request.align});
    }
};

/// Blocks are eight bytes shorter than they should be.
struct overlapping {
    using family = backend_family;
    alignas(4096) unsigned char bytes[65536];
    std::size_t used = 0, alive = 0;
    [[nodiscard]] void* try_allocate(layout request) noexcept {
        std::size_t const begin = (used + request.align - 1) & (0 - request.align);
        if (request.align > 4096 || request.bytes > sizeof bytes || begin > sizeof bytes - request.bytes)
            return nullptr;
        used = begin + (request.bytes > 8 ? request.bytes - 8 : 1);
        ++alive;
        return bytes + begin;
    }
    void deallocate(void*, layout) noexcept {
        if (--alive == 0) used = 0;
    }
};

/// Never takes anything back.
struct leaking {
    using family = backend_family;
    alignas(64) unsigned char bytes[65536];
    std::size_t used = 0;
    [[nodiscard]] void* try_allocate(layout request) noexcept {
        if (request.align > 64 || request.bytes > sizeof bytes - used) return nullptr;
        void* const p = bytes + used;
        used += detail::round_up(request.bytes, 64);
        return p;
    }
    void deallocate(void*, layout) noexcept {}
};

struct refusing {
    using family = backend_family;
    [[nodiscard]] void* try_allocate(layout) noexcept { return nullptr; }
    void deallocate(void*, layout) noexcept {}
};

/// A refusal spoils a block that was there.
struct spoiling : backend::system {
    static constexpr bool is_thread_safe = false;
    void* newest = nullptr;
    [[nodiscard]] void* try_allocate(layout request) noexcept {
        if (request.bytes > (std::size_t{8} << 20)) {
            if (newest != nullptr) std::memset(newest, 0, 1);
            return nullptr;
        }
        return newest = backend::system::try_allocate(request);
    }
};

/// Takes a refused request off its capacity.
struct forgetful : backend::system {
    static constexpr bool is_thread_safe = false;
    bool spent = false;
    [[nodiscard]] void* try_allocate(layout request) noexcept {
        spent = spent || request.bytes > (std::size_t{8} << 20);
        return spent ? nullptr : backend::system::try_allocate(request);
    }
};

/// Says that it is larger than it is, and hands out what lies behind its end.
struct unbounded : backend::static_buffer<65536> {
    static constexpr std::size_t capacity_bytes = 32768;
};

/// Does not merge what comes back: every block is a range of its own for good.
struct unmerging {
    using family = backend_family;
    static constexpr std::size_t capacity_bytes = 65536;
    alignas(64) unsigned char bytes[capacity_bytes];
    struct range {
        std::size_t begin, size;
        bool taken;
    };
    range ranges[4096] = {{0, capacity_bytes, false}};
    std::size_t count = 1;
    [[nodiscard]] void* base() noexcept { return bytes; }
    [[nodiscard]] void* try_allocate(layout request) noexcept {
        if (request.bytes > capacity_bytes || request.align > 64) return nullptr;
        std::size_t const need = detail::round_up(request.bytes, 64);
        for (std::size_t i = 0; i < count; ++i) {
            if (ranges[i].taken || ranges[i].size < need) continue;
            if (ranges[i].size > need && count < 4096) {
                ranges[count++] = {ranges[i].begin + need, ranges[i].size - need, false};
                ranges[i].size = need;
            }
            ranges[i].taken = true;
            return bytes + ranges[i].begin;
        }
        return nullptr;
    }
    void deallocate(void* p, layout) noexcept {
        for (std::size_t i = 0; i < count; ++i) {
            if (bytes + ranges[i].begin == p) ranges[i].taken = false;
        }
    }
};

/// Its reservations begin a page behind where they should.
struct unaligned_ranges : backend::virtual_memory {
    static constexpr std::size_t page = 4096;
    [[nodiscard]] void* reserve(layout range) noexcept {
        void* const p = backend::virtual_memory::reserve({.bytes = range.bytes + page, .align = range.align});
        return p != nullptr ? static_cast<unsigned char*>(p) + page : nullptr;
    }
    [[nodiscard]] bool release(void* p, layout range) noexcept {
        return backend::virtual_memory::release(static_cast<unsigned char*>(p) - page,
                                                {.bytes = range.bytes + page, .align = range.align});
    }
};

/// Spoils what was committed last when something is decommitted.
struct greedy_decommit : backend::virtual_memory {
    static constexpr bool is_thread_safe = false;
    void* newest = nullptr;
    [[nodiscard]] bool commit(void* p, std::size_t bytes) noexcept {
        newest = p;
        return backend::virtual_memory::commit(p, bytes);
    }
    [[nodiscard]] bool decommit(void* p, std::size_t bytes) noexcept {
        std::memset(newest, 0, 1);
        return backend::virtual_memory::decommit(p, bytes);
    }
};

/// Keeps its reservations.
struct keeping : backend::virtual_memory {
    [[nodiscard]] bool release(void* p, layout range) noexcept {
        return range.bytes < 65536 && backend::virtual_memory::release(p, range);
    }
};

/// Says that it is thread-safe, and gives what one thread still has to another.
struct racing {
    using family = backend_family;
    [[maybe_unused]] static constexpr bool is_thread_safe = true;
    struct slot {
        alignas(64) unsigned char bytes[2048];
    };
    // As many places as blocks may be alive on one thread, and no more: threads that come later get them again.
    slot slots[512];
    detail::atomic<std::size_t> next{0}, alive{0};
    [[nodiscard]] void* try_allocate(layout request) noexcept {
        if (request.align > 64 || request.bytes > 2048) return nullptr;
        if (alive.fetch_add(1, detail::order::relaxed) == 0) next.store(0, detail::order::relaxed);
        return slots[next.fetch_add(1, detail::order::relaxed) % 512].bytes;
    }
    void deallocate(void*, layout) noexcept { alive.fetch_sub(1, detail::order::relaxed); }
};

template <class B>
testing::conformance_report verdict(B& backend)
{
    auto report =
        testing::check_backend(backend, {.largest_bytes = 65536, .blocks = 50, .asks_for_the_impossible = true});
    BOOST_TEST_MESSAGE(report.text());
    return report;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(broken_backends)

BOOST_AUTO_TEST_CASE(a_backend_that_ignores_the_alignment_is_found)
{
    misaligned b;
    auto const report = testing::check_backend(b, {.largest_bytes = 4096, .asks_for_the_impossible = false});
    BOOST_TEST(report.broke("a block is aligned as it was asked for"), report.text());
    BOOST_TEST(report.broken_promises() == 1u, report.text());
}

BOOST_AUTO_TEST_CASE(a_backend_whose_blocks_overlap_is_found)
{
    static overlapping b;
    BOOST_TEST(verdict(b).broke("blocks that are alive do not overlap"));
}

BOOST_AUTO_TEST_CASE(a_backend_that_loses_what_comes_back_is_found)
{
    static leaking b;
    auto const report = verdict(b);
    BOOST_TEST(report.broke("what was given back can be had again"), report.text());
}

BOOST_AUTO_TEST_CASE(a_backend_that_serves_nothing_is_found)
{
    refusing b;
    BOOST_TEST(verdict(b).broke("a backend serves at least one block"));
}

BOOST_AUTO_TEST_CASE(a_backend_whose_refusal_changes_something_is_found)
{
    spoiling b;
    BOOST_TEST(verdict(b).broke("a refusal leaves all blocks as they are"));
    forgetful f;
    BOOST_TEST(verdict(f).broke("after a refusal the backend goes on as before"));
}

BOOST_AUTO_TEST_CASE(a_buffer_that_hands_out_more_than_it_says_is_found)
{
    static unbounded b;
    auto const report = verdict(b);
    BOOST_TEST(report.broke("a block lies between base() and base() + capacity_bytes"), report.text());
}

BOOST_AUTO_TEST_CASE(a_buffer_that_falls_to_pieces_is_found)
{
    static unmerging b;
    auto const report = verdict(b);
    BOOST_TEST((report.broke("neighbours that came back are one range again") || report.broke("can be had again")),
               report.text());
}

BOOST_AUTO_TEST_CASE(address_space_that_is_not_aligned_is_found)
{
    unaligned_ranges b;
    auto const report = testing::check_backend(
        b, {.largest_bytes = 65536, .blocks = 50, .threads = 1, .asks_for_the_impossible = false});
    BOOST_TEST(report.broke("a reservation is aligned as it was asked for"), report.text());
}

BOOST_AUTO_TEST_CASE(a_decommit_that_takes_too_much_is_found)
{
    greedy_decommit b;
    auto const report = testing::check_backend(
        b, {.largest_bytes = 65536, .blocks = 50, .threads = 1, .asks_for_the_impossible = false});
    BOOST_TEST(report.broke("decommitting a part leaves the others as they are"), report.text());
}

BOOST_AUTO_TEST_CASE(a_release_that_is_refused_is_found)
{
    keeping b;
    auto const report = testing::check_backend(
        b, {.largest_bytes = 65536, .blocks = 50, .threads = 1, .asks_for_the_impossible = false});
    BOOST_TEST(report.broke("a reservation can be released"), report.text());
}

#if !FRAMEALLOC_THREAD_SANITIZER  // which finds the writes of two threads to one block before the kit does
BOOST_AUTO_TEST_CASE(a_backend_that_gives_one_block_to_two_threads_is_found)
{
    static racing b;
    BOOST_TEST(verdict(b).broke("threads get blocks that do not overlap"));
}
#endif

BOOST_AUTO_TEST_SUITE_END()
