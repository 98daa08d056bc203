// SPDX-License-Identifier: MIT OR Apache-2.0
#include "support/test.hpp"

#include "support/child.hpp"

#include <framealloc/backend/guard_pages.hpp>
#include <framealloc/backend/huge_pages.hpp>

#include <csignal>
#include <cstring>

using namespace framealloc;

namespace {

void store(void* p, std::ptrdiff_t offset)
{
    *(static_cast<unsigned char volatile*>(p) + offset) = 1;
}

/// Whether a store at `offset` from what `make()` answers ends the process by a page that cannot be touched.
template <class Make>
bool stops_at(Make&& make, std::ptrdiff_t offset)
{
    test::child_result const child = test::run_in_child([&] {
        store(make(), offset);
        return 0;
    });
    return child.signal == SIGSEGV;
}

using guarded = basic_smart_alloc<backend::guard_pages<>>;

}  // namespace

BOOST_AUTO_TEST_SUITE(backend_pages)

BOOST_AUTO_TEST_CASE(a_guarded_block_ends_at_a_page_that_cannot_be_touched)
{
    for (std::ptrdiff_t const bytes : {16, 4096, 5008, 100'000}) {
        backend::guard_pages<> b;
        layout const request{.bytes = static_cast<std::size_t>(bytes), .align = 16};
        auto const make = [&] { return b.try_allocate(request).address(); };
        void* const p = make();
        BOOST_TEST_REQUIRE(p != nullptr);
        std::memset(p, 1, request.bytes);
        BOOST_TEST(stops_at(make, bytes), bytes << " bytes");
        BOOST_TEST(!stops_at(make, bytes - 1));
        b.deallocate(p, request);
    }
}

BOOST_AUTO_TEST_CASE(in_front_of_a_guarded_range_is_a_page_that_cannot_be_touched)
{
    backend::guard_pages<> b;
    for (std::size_t const align : {4096u, 65536u}) {
        auto const make = [&] {
            void* const p = b.reserve({.bytes = 65536, .align = align}).address();
            static_cast<void>(b.commit(p, 65536));
            return p;
        };
        BOOST_TEST(stops_at(make, -1));
        BOOST_TEST(!stops_at(make, 0));
        BOOST_TEST(stops_at(make, 65536));
    }
}

BOOST_AUTO_TEST_CASE(an_alignment_beyond_the_page_is_honoured_and_still_guarded)
{
    backend::guard_pages<> b;
    layout const request{.bytes = 20'000, .align = 8192};
    void* const p = b.try_allocate(request).address();
    BOOST_TEST(detail::address_of(p) % 8192 == 0u);
    std::memset(p, 1, request.bytes);
    b.deallocate(p, request);
    BOOST_TEST(stops_at([&] { return b.try_allocate(request).address(); }, 24'576));
}

BOOST_AUTO_TEST_CASE(a_write_beyond_a_frame_chunk_or_a_large_block_stops_the_program)
{
    guarded alloc;
    alloc.begin_frame();
    constexpr std::size_t left = 65536 - frame_chunk::head_bytes;
    constexpr auto end = static_cast<std::ptrdiff_t>(left);
    BOOST_TEST(stops_at([&] { return alloc.frame_alloc(layout{.bytes = left}); }, end));
    BOOST_TEST(!stops_at([&] { return alloc.frame_alloc(layout{.bytes = left}); }, end - 1));
    alloc.end_frame();
    // A heap block's size is rounded up; where it ends, the next byte is not there.
    auto const block = [&] { return alloc.heap_alloc(layout{.bytes = 1_MiB}); };
    void* const p = block();
    auto const room = static_cast<std::ptrdiff_t>(alloc.usable_size(p));
    alloc.heap_free(p);
    BOOST_TEST(stops_at(block, room));
}

BOOST_AUTO_TEST_CASE(large_reservations_begin_at_a_huge_page)
{
    backend::huge_pages<2_MiB> b;
    void* const large = b.reserve({.bytes = 4_MiB, .align = 4096});
    BOOST_TEST_REQUIRE(large != nullptr);
    BOOST_TEST(detail::address_of(large) % 2_MiB == 0u);
    BOOST_TEST(b.commit(large, 4_MiB));
    std::memset(large, 1, 4_MiB);
    BOOST_TEST(b.release(large, {.bytes = 4_MiB, .align = 4096}));
    void* const small = b.reserve({.bytes = 65536, .align = 65536});
    BOOST_TEST(detail::address_of(small) % 65536 == 0u);
    BOOST_TEST(b.release(small, {.bytes = 65536, .align = 65536}));
}

BOOST_AUTO_TEST_CASE(an_allocator_lives_on_huge_pages_whether_the_system_has_them_or_not)
{
    basic_smart_alloc<backend::huge_pages<>, arena::chunked<2_MiB, 2_MiB>> alloc{alloc_config{.region_bytes = 4_MiB}};
    alloc.begin_frame();
    std::memset(alloc.frame_alloc(layout{.bytes = 10'000'000}), 1, 10'000'000);
    alloc.end_frame();
    auto const owner = alloc.pool_box<int>(4);
    BOOST_TEST(*owner == 4);
    BOOST_TEST(bool(alloc.verify()));
}

BOOST_AUTO_TEST_SUITE_END()
