// SPDX-License-Identifier: MIT OR Apache-2.0
#include "support/test.hpp"

#include "support/failing.hpp"
#include "support/faults.hpp"

#include <algorithm>
#include <cstring>
#include <limits>
#include <numeric>
#include <vector>

using namespace framealloc;

namespace {

std::vector<int> gone;
int next_number = 0;

struct numbered {
    int number = next_number++;
    ~numbered() { gone.push_back(number); }
};

void start_anew() {
    gone.clear();
    next_number = 0;
}

std::vector<int> countdown(int n) {
    std::vector<int> v(static_cast<std::size_t>(n));
    std::iota(v.rbegin(), v.rend(), 0);
    return v;
}

/// Not a constant, so that the compiler does not find the mistake before we do.
std::size_t const volatile one = 1;
std::size_t const too_many = std::numeric_limits<std::size_t>::max() / sizeof(double) + 1 + one;

}  // namespace

BOOST_AUTO_TEST_SUITE(arrays)

BOOST_AUTO_TEST_CASE(a_raw_array_type_comes_as_storage_of_exactly_its_size)
{
    smart_alloc alloc;
    alloc.begin_frame();
    auto* const vertices = alloc.frame_alloc<float[1024]>();
    for (int i = 0; i < 1024; ++i) (*vertices)[i] = static_cast<float>(i);
    BOOST_TEST((*vertices)[1023] == 1023.0f);
    BOOST_TEST(alloc.stats().frame_bytes_used == 4096u);  // no cookie in front of it
    alloc.end_frame();

    auto* const pooled = alloc.pool_alloc<float[1024]>();
    BOOST_TEST(alloc.usable_size(pooled) == 4096u);
    alloc.pool_free<float[1024]>(pooled);
    auto* const large = alloc.heap_alloc<float[1024]>();
    (*large)[1023] = 1.0f;
    alloc.heap_free<float[1024]>(large);
    BOOST_TEST(alloc.stats().heap_blocks_live == 0u);
}

BOOST_AUTO_TEST_CASE(an_array_is_a_span_of_exactly_its_elements)
{
    smart_alloc alloc;
    alloc.begin_frame();
    std::span<float> const row = alloc.frame_array<float>(1024);
    BOOST_TEST(row.size() == 1024u);
    BOOST_TEST(alloc.stats().frame_bytes_used == 4096u);
    std::iota(row.begin(), row.end(), 0.0f);
    BOOST_TEST(row.back() == 1023.0f);
    alloc.end_frame();
}

BOOST_AUTO_TEST_CASE(a_scratch_struct_and_a_vertex_array_share_a_frame)
{
    struct scratch {
        int indices[32];
    };
    struct vertex {
        float position[3], normal[3], uv[2];
    };
    smart_alloc alloc;
    alloc.begin_frame();
    scratch* const s = alloc.frame_new<scratch>();
    std::span<vertex> const vertices = alloc.frame_array<vertex>(4096);
    std::span<vertex> const large = alloc.frame_array<vertex>(std::size_t{16} << 15);  // 16 MiB
    BOOST_TEST(vertices.size_bytes() == 4096 * sizeof(vertex));
    s->indices[31] = 1;
    vertices.back().uv[1] = 2;
    large.back().uv[1] = 3;
    BOOST_TEST(s->indices[31] == 1);
    BOOST_TEST(vertices.back().uv[1] == 2.0f);
    alloc.end_frame();
}

BOOST_AUTO_TEST_CASE(elements_are_zero_unless_they_are_to_be_overwritten)
{
    smart_alloc alloc;
    alloc.begin_frame();
    {
        auto scope = alloc.frame_scope();
        std::memset(scope.frame_alloc(layout{.bytes = 800}), 0x77, 800);
    }
    {
        auto scope = alloc.frame_scope();
        auto const row = scope.frame_array<int>(200);
        BOOST_TEST(std::all_of(row.begin(), row.end(), [](int i) { return i == 0; }));
        std::memset(row.data(), 0x77, 800);
    }
    auto const row = alloc.frame_array_for_overwrite<int>(200);
    // What lay there lies there still: nobody wrote zeros in between.
    BOOST_TEST(std::all_of(row.begin(), row.end(), [](int i) { return i == 0x77777777; }));
    alloc.end_frame();

    for (int round = 0; round < 2; ++round) {
        auto const pooled = alloc.pool_array<int>(10);
        BOOST_TEST(std::all_of(pooled.begin(), pooled.end(), [](int i) { return i == 0; }));
        std::memset(pooled.data(), 0x77, pooled.size_bytes());
        alloc.pool_delete(pooled);
        auto const large = alloc.heap_array<int>(10'000);
        BOOST_TEST(std::all_of(large.begin(), large.end(), [](int i) { return i == 0; }));
        std::memset(large.data(), 0x77, large.size_bytes());
        alloc.heap_delete(large);
    }
}

BOOST_AUTO_TEST_CASE(elements_are_destroyed_last_one_first)
{
    smart_alloc alloc;
    start_anew();
    alloc.begin_frame();
    auto const in_frame = alloc.frame_array<numbered>(20);
    BOOST_TEST(in_frame[19].number == 19);
    BOOST_TEST(gone.empty());
    alloc.end_frame();
    BOOST_TEST(gone == countdown(20), boost::test_tools::per_element());

    start_anew();
    alloc.pool_delete(alloc.pool_array<numbered>(20));
    BOOST_TEST(gone == countdown(20), boost::test_tools::per_element());

    start_anew();
    alloc.heap_delete(alloc.heap_array<numbered>(20));
    BOOST_TEST(gone == countdown(20), boost::test_tools::per_element());

    start_anew();
    alloc.pool_delete(alloc.pool_array<numbered>(5000));  // beyond the largest class: the heap path serves it
    BOOST_TEST(gone == countdown(5000), boost::test_tools::per_element());
    BOOST_TEST(alloc.stats().heap_blocks_live == 0u);
    BOOST_TEST(alloc.stats().pool_blocks_live == 0u);
}

BOOST_AUTO_TEST_CASE(an_array_of_nothing_is_empty_and_can_be_given_back)
{
    smart_alloc_debug alloc;
    start_anew();
    alloc.begin_frame();
    BOOST_TEST(alloc.frame_array<int>(0).empty());
    BOOST_TEST(alloc.frame_array<numbered>(0).empty());
    BOOST_TEST(alloc.frame_array_for_overwrite<numbered>(0).empty());
    auto const pooled = alloc.pool_array<numbered>(0);
    auto const large = alloc.heap_array<numbered>(0);
    BOOST_TEST(pooled.empty());
    BOOST_TEST(large.empty());
    test::fault_recorder const faults;
    alloc.pool_delete(pooled);
    alloc.heap_delete(large);
    alloc.pool_delete(std::span<numbered>{});
    alloc.heap_delete(std::span<numbered>{});
    alloc.end_frame();
    BOOST_TEST(faults.count() == 0u);
    BOOST_TEST(gone.empty());
    BOOST_TEST(alloc.stats().pool_blocks_live == 0u);
    BOOST_TEST(alloc.stats().heap_blocks_live == 0u);
}

BOOST_AUTO_TEST_CASE(an_array_too_large_to_count_is_refused_and_the_frame_goes_on)
{
    basic_smart_alloc<diagnostics::checked> alloc;
    alloc.begin_frame();
    static_cast<void>(alloc.frame_alloc(layout{.bytes = 16}));
    alloc_stats const before = alloc.stats();
    test::fault_recorder const faults;
    BOOST_TEST(alloc.try_frame_array<double>(too_many).data() == nullptr);
    BOOST_TEST(faults.last() == fault_code::impossible_size);
    BOOST_TEST(alloc.try_frame_array<numbered>(too_many * 2).data() == nullptr);  // with a finaliser in front
    BOOST_TEST(alloc.try_pool_array<double>(too_many).data() == nullptr);
    BOOST_TEST(alloc.try_heap_array<double>(too_many).data() == nullptr);
    BOOST_TEST(faults.count() == 4u);
    BOOST_TEST(faults.last() == fault_code::impossible_size);
    BOOST_TEST(!faults.last_would_stop());  // a refusal that the caller sees: the program goes on
    BOOST_TEST((alloc.stats() == before));
    alloc.end_frame();
}

BOOST_AUTO_TEST_CASE(an_array_too_large_to_count_fails_by_name_in_the_plain_forms)
{
    smart_alloc alloc;
    alloc.begin_frame();
    auto const frame = test::how_it_fails([&] { static_cast<void>(alloc.frame_array<double>(too_many)); });
    auto const raw = test::how_it_fails([&] { static_cast<void>(alloc.frame_array_for_overwrite<double>(too_many)); });
    auto const pool = test::how_it_fails([&] { static_cast<void>(alloc.pool_array<double>(too_many)); });
    auto const heap = test::how_it_fails([&] { static_cast<void>(alloc.heap_array<double>(too_many)); });
    for (auto const& seen : {frame, raw, pool, heap}) {
        BOOST_TEST(seen.failed);
        BOOST_TEST(seen.code == fault_code::impossible_size);
        BOOST_TEST(seen.says("asked for 18446744073709551615 bytes"));
        BOOST_TEST(seen.says("count * sizeof(T) may have overflowed"));
    }
    alloc.end_frame();
}

BOOST_AUTO_TEST_SUITE_END()
