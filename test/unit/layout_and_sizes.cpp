// SPDX-License-Identifier: MIT OR Apache-2.0
#include "support/test.hpp"

#include <framealloc/allocator.hpp>
#include <framealloc/arena/fixed.hpp>
#include <framealloc/backend/static_buffer.hpp>
#include <framealloc/layout.hpp>
#include <framealloc/sizes.hpp>

#include <cstring>
#include <limits>
#include <memory>
#include <utility>
#include <vector>

using namespace framealloc;

namespace {

constexpr std::size_t size_max = std::numeric_limits<std::size_t>::max();

// --- sizes -----------------------------------------------------------------------------------------------------------

static_assert(7_B == 7);
static_assert(64_KiB == 65536);
static_assert(16_MiB == 16777216);
static_assert(2_GiB == std::size_t{2} << 30);
static_assert(0_GiB == 0);
static_assert(17179869183_GiB == size_max - (std::size_t{1} << 30) + 1);  // the largest number of GiB that there is
static_assert(kib(64) == 64_KiB && mib(16) == 16_MiB);
static_assert(kib(size_max >> 10) == (size_max >> 10 << 10) && kib((size_max >> 10) + 1) == size_max);
static_assert(mib(size_max >> 20) == (size_max >> 20 << 20) && mib(size_max) == size_max);

// --- layouts ---------------------------------------------------------------------------------------------------------

struct alignas(64) wide {
    char bytes[64];
};

static_assert(layout{.bytes = 5} == layout{5, granule});
static_assert(layout::of<wide>() == layout{64, 64});
static_assert(layout::of<char[3]>() == layout{3, 1});
static_assert(layout::array_of<int>(10) == layout{40, 4});
static_assert(layout::array_of<int>(0) == layout{0, 4});
static_assert(layout::array_of<int>(size_max / 4) == layout{size_max / 4 * 4, 4});
static_assert(layout::array_of<int>(size_max / 4 + 1) == layout{size_max, 4});
static_assert(layout::array_of<wide>(size_max) == layout{size_max, 64});
static_assert(!layout::array_of<wide>(size_max).is_possible());

constexpr std::pair<layout, std::size_t> extended(layout first, layout next) {
    std::size_t offset = 0;
    layout const whole = first.extend(next, offset);
    return {whole, offset};
}
static_assert(extended({1, 1}, {4, 4}) == std::pair{layout{8, 4}, std::size_t{4}});
static_assert(extended({8, 8}, {1, 1}) == std::pair{layout{9, 8}, std::size_t{8}});
static_assert(extended({0, 1}, {64, 64}) == std::pair{layout{64, 64}, std::size_t{0}});
static_assert(extended({65, 1}, {0, 64}) == std::pair{layout{128, 64}, std::size_t{128}});
static_assert(extended({size_max, 1}, {1, 1}) == std::pair{layout{size_max, 1}, size_max});
static_assert(extended({size_max - 2, 1}, {1, 16}).first.bytes == size_max);
static_assert(extended({32, 16}, layout::array_of<wide>(size_max)).first.bytes == size_max);

static_assert(layout{1, 1}.has_valid_align() && layout{1, max_alignment}.has_valid_align());
static_assert(!layout{1, 0}.has_valid_align() && !layout{1, 3}.has_valid_align() && !layout{1, 24}.has_valid_align());
static_assert(!layout{1, max_alignment * 2}.has_valid_align() && !layout{1, size_max}.has_valid_align());
static_assert(layout{max_request_bytes, 1}.is_possible() && !layout{max_request_bytes + 1, 1}.is_possible());
static_assert(!layout{size_max, 1}.is_possible() && !layout{1, 0}.is_possible());

// --- alignment on every path -----------------------------------------------------------------------------------------

bool is_aligned(void const* p, std::size_t align) {
    return p != nullptr && reinterpret_cast<std::uintptr_t>(p) % align == 0;
}

/// Sizes that lie badly to an alignment: next to nothing, and around it.
std::vector<std::size_t> sizes_for(std::size_t align) {
    return {1, 24, align - 1 + (align == 1), align, align + 1, 3 * align};
}

template <class Alloc>
void every_alignment_is_honoured(Alloc& alloc, std::size_t largest = max_alignment)
{
    for (std::size_t align = 1; align <= largest; align *= 2) {
        for (std::size_t const bytes : sizes_for(align)) {
            layout const request{.bytes = bytes, .align = align};
            BOOST_TEST_CONTEXT("alignment " << align << ", " << bytes << " bytes") {
                alloc.begin_frame();
                for (int i = 0; i < 3; ++i) {
                    static_cast<void>(
                        alloc.frame_alloc(layout{.bytes = 1, .align = 1}));  // puts the cursor out of step
                    void* const p = alloc.frame_alloc(request);
                    BOOST_TEST(is_aligned(p, align));
                    std::memset(p, 0x5A, bytes);
                    auto const scope = alloc.frame_scope();
                    BOOST_TEST(is_aligned(alloc.local().try_frame_alloc(request), align));
                }
                alloc.end_frame();
                BOOST_TEST(alloc.stats().frame_bytes_used == 0u);

                void* pooled[3];
                void* large[3];
                for (int i = 0; i < 3; ++i) {
                    pooled[i] = alloc.pool_alloc(request);
                    large[i] = alloc.heap_alloc(request);
                    BOOST_TEST(is_aligned(pooled[i], align));
                    BOOST_TEST(is_aligned(large[i], align));
                    BOOST_TEST(alloc.usable_size(pooled[i]) >= bytes);
                    BOOST_TEST(alloc.usable_size(large[i]) >= bytes);
                    std::memset(pooled[i], i, alloc.usable_size(pooled[i]));
                    std::memset(large[i], i, alloc.usable_size(large[i]));
                }
                for (int i = 0; i < 3; ++i) {
                    BOOST_TEST(static_cast<char*>(pooled[i])[bytes - 1] == i);
                    BOOST_TEST(static_cast<char*>(large[i])[bytes - 1] == i);
                    i == 1 ? alloc.pool_free(pooled[i]) : alloc.pool_free(pooled[i], request);
                    i == 1 ? alloc.heap_free(large[i]) : alloc.heap_free(large[i], request);
                }
                BOOST_TEST(alloc.stats().pool_blocks_live == 0u);
                BOOST_TEST(alloc.stats().heap_blocks_live == 0u);
            }
        }
    }
    BOOST_TEST(bool(alloc.verify()));
}

/// A type of every alignment that a program can write down, in every container and every typed form.
template <std::size_t Align>
void types_of_alignment(smart_alloc_debug& alloc)
{
    struct alignas(Align) value {
        char c = 'v';
    };
    struct alignas(Align) destroyed : value {
        ~destroyed() { this->c = 0; }
    };
    alloc.begin_frame();
    static_cast<void>(alloc.frame_alloc(layout{.bytes = 1}));
    BOOST_TEST(is_aligned(alloc.frame_alloc<value[2]>(), Align));
    BOOST_TEST(is_aligned(alloc.frame_new<value>(), Align));
    BOOST_TEST(is_aligned(alloc.frame_new<destroyed>(), Align));
    BOOST_TEST(is_aligned(alloc.frame_array<value>(3).data(), Align));
    BOOST_TEST(is_aligned(alloc.frame_array<destroyed>(3).data(), Align));
    {
        BOOST_TEST(is_aligned(alloc.frame_box<destroyed>().get(), Align));
        BOOST_TEST(is_aligned(alloc.pool_box<value>().get(), Align));
        BOOST_TEST(is_aligned(alloc.heap_box<value>().get(), Align));
        std::vector<value, frame_allocator<value, smart_alloc_debug>> in_frame(
            3, frame_allocator<value, smart_alloc_debug>{alloc});
        std::vector<value, pool_allocator<value, smart_alloc_debug>> in_pool(
            3, pool_allocator<value, smart_alloc_debug>{alloc});
        std::vector<value, heap_allocator<value, smart_alloc_debug>> on_heap(
            3, heap_allocator<value, smart_alloc_debug>{alloc});
        BOOST_TEST(is_aligned(in_frame.data(), Align));
        BOOST_TEST(is_aligned(in_pool.data(), Align));
        BOOST_TEST(is_aligned(on_heap.data(), Align));
    }
    alloc.end_frame();
    BOOST_TEST(alloc.stats().pool_blocks_live == 0u);
    BOOST_TEST(alloc.stats().heap_blocks_live == 0u);
}
template <std::size_t... Shift>
void types_of_alignments(smart_alloc_debug& alloc, std::index_sequence<Shift...>)
{
    (types_of_alignment<std::size_t{1} << Shift>(alloc), ...);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(layouts_and_sizes)

BOOST_AUTO_TEST_CASE(every_power_of_two_up_to_a_huge_page_is_honoured_on_every_path)
{
    smart_alloc alloc;
    every_alignment_is_honoured(alloc);
}

BOOST_AUTO_TEST_CASE(alignment_is_honoured_whatever_the_assembly)
{
    smart_alloc_debug checked;
    every_alignment_is_honoured(checked);
    smart_alloc_single_threaded one_thread;
    every_alignment_is_honoured(one_thread);
    smart_alloc_minimal minimal;
    every_alignment_is_honoured(minimal);
    basic_smart_alloc<backend::system> from_malloc;
    every_alignment_is_honoured(from_malloc);
    basic_smart_alloc<backend::virtual_memory> from_pages;
    every_alignment_is_honoured(from_pages);
    basic_smart_alloc<arena::fixed<64_MiB>> fixed;
    every_alignment_is_honoured(fixed);
    basic_smart_alloc<arena::chunked<1024, 65536, 16>> small_chunks;
    every_alignment_is_honoured(small_chunks);
}

BOOST_AUTO_TEST_CASE(alignment_is_honoured_inside_one_buffer)
{
    using in_buffer = basic_smart_alloc<backend::static_buffer<8_MiB>, sync::single_threaded>;
    auto const alloc = std::make_unique<in_buffer>(alloc_config{.heap_cache_bytes = 0});
    every_alignment_is_honoured(*alloc, 64_KiB);
}

BOOST_AUTO_TEST_CASE(types_are_aligned_in_every_form_and_container)
{
    smart_alloc_debug alloc;
    types_of_alignments(alloc, std::make_index_sequence<14>{});  // 1 to 8192
}

BOOST_AUTO_TEST_CASE(chunks_may_be_aligned_to_a_cache_line_a_page_or_a_huge_page)
{
    auto const first_chunk_is_aligned = [](auto&& alloc, std::size_t align) {
        alloc.begin_frame();
        auto const p = reinterpret_cast<std::uintptr_t>(alloc.frame_alloc(layout{.bytes = 1}));
        BOOST_TEST((p - frame_chunk::head_bytes) % align == 0u);
        alloc.end_frame();
    };
    first_chunk_is_aligned(basic_smart_alloc<arena::chunked<65536, 1_MiB, 64>>{}, 64);
    first_chunk_is_aligned(basic_smart_alloc<arena::chunked<65536, 1_MiB, 4096>>{}, 4096);
    first_chunk_is_aligned(basic_smart_alloc<arena::chunked<65536, 1_MiB, 2_MiB>>{}, 2_MiB);
    first_chunk_is_aligned(basic_smart_alloc<arena::fixed<65536, 4096>>{}, 4096);
    first_chunk_is_aligned(basic_smart_alloc<arena::fixed<65536, 2_MiB>>{}, 2_MiB);
}

BOOST_AUTO_TEST_SUITE_END()
