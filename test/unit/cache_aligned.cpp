// SPDX-License-Identifier: MIT OR Apache-2.0
#include "support/test.hpp"

#include <framealloc/allocator.hpp>
#include <framealloc/cache_aligned.hpp>

#include <string>
#include <vector>

using namespace framealloc;

namespace {

struct alignas(256) page_like {
    char c[300];
};

}  // namespace

BOOST_AUTO_TEST_SUITE(cache_alignment)

BOOST_AUTO_TEST_CASE(a_wrapped_value_takes_whole_lines_and_no_more)
{
    static_assert(sizeof(cache_aligned<int>) == 64);
    static_assert(sizeof(cache_aligned<double[8]>) == 64);
    static_assert(sizeof(cache_aligned<double[9]>) == 128);
    static_assert(sizeof(cache_aligned<page_like>) == sizeof(page_like) && alignof(cache_aligned<page_like>) == 256);
    static_assert(std::is_trivially_copyable_v<cache_aligned<int>> && std::is_aggregate_v<cache_aligned<int>>);

    cache_aligned counter{41};
    ++*counter;
    BOOST_TEST(counter.value == 42);
    cache_aligned<std::string> const name{"line"};
    BOOST_TEST(name->size() == 4u);
    BOOST_TEST(*name == "line");
}

BOOST_AUTO_TEST_CASE(neighbours_never_share_a_line_wherever_they_are_allocated)
{
    smart_alloc alloc;
    alloc.begin_frame();
    auto const apart = [](auto const& row) {
        for (std::size_t i = 0; i < row.size(); ++i) {
            if (reinterpret_cast<std::uintptr_t>(&row[i]) % 64 != 0) return false;
        }
        return reinterpret_cast<std::uintptr_t>(&row[1]) - reinterpret_cast<std::uintptr_t>(&row[0]) == 64;
    };
    using entry = cache_aligned<int>;
    BOOST_TEST(apart(alloc.frame_array<entry>(5)));
    BOOST_TEST(apart(std::vector<entry, pool_allocator<entry>>(5, entry{1}, pool_allocator<entry>{alloc})));
    BOOST_TEST(apart(std::vector<entry, heap_allocator<entry>>(500, entry{1}, heap_allocator<entry>{alloc})));
    alloc.end_frame();
}

BOOST_AUTO_TEST_SUITE_END()
