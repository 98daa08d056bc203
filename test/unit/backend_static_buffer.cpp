// SPDX-License-Identifier: MIT OR Apache-2.0
#include "support/test.hpp"

#include <framealloc/arena/fixed.hpp>
#include <framealloc/backend/static_buffer.hpp>

#include <algorithm>
#include <vector>

using namespace framealloc;

namespace {

constexpr layout quarter{.bytes = 1024, .align = 16};

template <class B>
std::size_t offset_in(B& b, void* p)
{
    return detail::address_of(p) - detail::address_of(b.base());
}

}  // namespace

BOOST_AUTO_TEST_SUITE(backend_static_buffer)

BOOST_AUTO_TEST_CASE(a_buffer_serves_exactly_its_bytes)
{
    static backend::static_buffer<4096> b;
    void* parts[4];
    for (void*& p : parts) BOOST_TEST((p = b.try_allocate(quarter)) != nullptr);
    BOOST_TEST(b.try_allocate({.bytes = 1, .align = 1}) == nullptr);
    for (void* p : parts) b.deallocate(p, quarter);
    void* const whole = b.try_allocate({.bytes = 4096, .align = 16});
    BOOST_TEST(whole == b.base());
    BOOST_TEST(b.try_allocate({.bytes = 1, .align = 1}) == nullptr);
    b.deallocate(whole, {.bytes = 4096, .align = 16});
    BOOST_TEST(b.try_allocate({.bytes = 4097, .align = 16}) == nullptr);
}

BOOST_AUTO_TEST_CASE(neighbours_merge_in_whatever_order_they_come_back)
{
    int order[4] = {0, 1, 2, 3};
    do {
        static backend::static_buffer<4096> b;
        void* parts[4];
        for (void*& p : parts) p = b.try_allocate(quarter);
        for (int const i : order) b.deallocate(parts[i], quarter);
        void* const whole = b.try_allocate({.bytes = 4096, .align = 16});
        BOOST_TEST_REQUIRE(whole != nullptr);
        b.deallocate(whole, {.bytes = 4096, .align = 16});
    } while (std::next_permutation(std::begin(order), std::end(order)));
}

BOOST_AUTO_TEST_CASE(free_bytes_in_pieces_do_not_serve_a_large_request_and_serve_it_again_when_whole)
{
    static backend::static_buffer<4096> b;
    void* parts[4];
    for (void*& p : parts) p = b.try_allocate(quarter);
    b.deallocate(parts[0], quarter);
    b.deallocate(parts[2], quarter);
    layout const half{.bytes = 2048, .align = 16};
    BOOST_TEST(b.try_allocate(half) == nullptr);  // half of it is free, in two places
    BOOST_TEST(b.try_allocate(quarter) == parts[0]);
    b.deallocate(parts[1], quarter);
    void* const middle = b.try_allocate(half);
    BOOST_TEST(middle == parts[1]);
    b.deallocate(parts[0], quarter);
    b.deallocate(middle, half);
    b.deallocate(parts[3], quarter);
    void* const whole = b.try_allocate({.bytes = 4096, .align = 16});
    BOOST_TEST(whole != nullptr);
    b.deallocate(whole, {.bytes = 4096, .align = 16});
}

BOOST_AUTO_TEST_CASE(the_bytes_before_an_aligned_block_are_not_lost)
{
    static backend::static_buffer<8192, 4096> b;
    void* const small = b.try_allocate({.bytes = 16, .align = 16});
    BOOST_TEST(offset_in(b, small) == 0u);
    void* const aligned = b.try_allocate({.bytes = 4096, .align = 4096});
    BOOST_TEST(offset_in(b, aligned) == 4096u);
    void* const between = b.try_allocate({.bytes = 4080, .align = 16});
    BOOST_TEST(offset_in(b, between) == 16u);
    BOOST_TEST(b.try_allocate({.bytes = 16, .align = 16}) == nullptr);
    b.deallocate(aligned, {.bytes = 4096, .align = 4096});
    b.deallocate(small, {.bytes = 16, .align = 16});
    b.deallocate(between, {.bytes = 4080, .align = 16});
    void* const whole = b.try_allocate({.bytes = 8192, .align = 4096});
    BOOST_TEST(whole == b.base());
    b.deallocate(whole, {.bytes = 8192, .align = 4096});
}

BOOST_AUTO_TEST_CASE(an_allocator_in_a_buffer_is_exhausted_and_recovers)
{
    using buffer = backend::static_buffer<std::size_t{1} << 20, std::size_t{64} << 10>;
    static basic_smart_alloc<buffer, sync::single_threaded, arena::fixed<std::size_t{64} << 10>> alloc{
        alloc_config{.heap_cache_bytes = 0, .retained_slabs = 0, .region_bytes = std::size_t{64} << 10}};
    layout const request{.bytes = 4096, .align = 16};
    auto const fill = [&] {
        std::vector<void*> all;
        while (void* const p = alloc.try_pool_alloc(request)) all.push_back(p);
        return all;
    };
    std::vector<void*> const first = fill();
    BOOST_TEST(first.size() > 100u);
    BOOST_TEST(alloc.try_heap_alloc(layout{.bytes = std::size_t{512} << 10, .align = 16}) == nullptr);
    auto const* const low = static_cast<unsigned char const*>(alloc.backend().base());
    for (void* p : first) BOOST_TEST_REQUIRE((p >= low && p < low + buffer::capacity_bytes));
    for (void* p : first) alloc.pool_free(p, request);
    std::vector<void*> const again = fill();
    BOOST_TEST(again.size() == first.size());
    for (void* p : again) alloc.pool_free(p, request);
    BOOST_TEST(static_cast<bool>(alloc.verify()));
}

BOOST_AUTO_TEST_CASE(a_refusal_by_the_buffer_leaves_the_frame_as_it_was)
{
    using buffer = backend::static_buffer<std::size_t{256} << 10>;
    static basic_smart_alloc<buffer, sync::single_threaded, pool::none, arena::chunked<4096, 65536>> alloc;
    alloc.begin_frame();
    std::size_t served = 0;
    while (int* const p = alloc.try_frame_alloc<int>()) *p = static_cast<int>(served++);
    std::size_t const used = alloc.stats().frame_bytes_used;
    BOOST_TEST(served > 8000u);
    BOOST_TEST(alloc.try_frame_alloc(layout{.bytes = 100, .align = 16}) == nullptr);
    BOOST_TEST(alloc.stats().frame_bytes_used == used);
    alloc.end_frame();
    alloc.begin_frame();
    BOOST_TEST(alloc.try_frame_alloc<int>() != nullptr);
    alloc.end_frame();
}

BOOST_AUTO_TEST_SUITE_END()
