// SPDX-License-Identifier: MIT OR Apache-2.0
#include "support/test.hpp"

#include "support/dead_memory.hpp"
#include "support/logged.hpp"

#include <framealloc/arena/fixed.hpp>

#include <algorithm>
#include <cstring>
#include <memory>
#include <vector>

using namespace framealloc;
using test::backend_call;

namespace {

using from_malloc = test::logged<backend::system>;

/// One thread and no pools: every call of the backend is a chunk.
using frames_only = basic_smart_alloc<from_malloc, sync::single_threaded, pool::none>;

struct watched {
    test::backend_log log;
    frames_only alloc{from_malloc{log}};
    [[nodiscard]] std::vector<std::size_t> chunks() const { return log.sizes(backend_call::allocate); }
};

/// Fills `bytes` of the open frame in pieces of 4 KiB less one granule, so that the heads of the chunks fit in between.
template <class Alloc>
void grow(Alloc& alloc, std::size_t bytes) {
    for (std::size_t done = 0; done < bytes; done += 4080) static_cast<void>(alloc.frame_alloc(layout{.bytes = 4080}));
}

std::vector<std::size_t> const growth{64_KiB, 128_KiB, 256_KiB, 512_KiB, 1_MiB, 1_MiB, 1_MiB};

}  // namespace

BOOST_AUTO_TEST_SUITE(chunks)

BOOST_AUTO_TEST_CASE(an_instance_takes_nothing_before_it_is_used)
{
    test::backend_log log;
    {
        frames_only alloc{from_malloc{log}};
        alloc.begin_frame();
        alloc.end_frame();
        BOOST_TEST(log.count() == 0u);
        BOOST_TEST(alloc.stats().backend_bytes == 0u);
    }
    BOOST_TEST(log.count() == 0u);
}

BOOST_FIXTURE_TEST_CASE(chunks_double_from_64_kib_to_1_mib_and_stay_there, watched)
{
    alloc.begin_frame();
    grow(alloc, 3_MiB + 512_KiB);
    BOOST_TEST(this->chunks() == growth, boost::test_tools::per_element());
    for (layout const& l : log.asked(backend_call::allocate)) BOOST_TEST(l.align == 64u);
    BOOST_TEST(alloc.stats().frame_bytes_reserved == 4032_KiB);
    alloc.end_frame();
}

BOOST_AUTO_TEST_CASE(growth_follows_the_policys_parameters)
{
    test::backend_log log;
    basic_smart_alloc<from_malloc, sync::single_threaded, pool::none, arena::chunked<4096, 16384, 4096>> alloc{
        from_malloc{log}};
    alloc.begin_frame();
    for (int i = 0; i < 40; ++i) static_cast<void>(alloc.frame_alloc(layout{.bytes = 1000}));
    std::vector<layout> const expected{{4096, 4096}, {8192, 4096}, {16384, 4096}, {16384, 4096}};
    BOOST_TEST((log.asked(backend_call::allocate) == expected));
    alloc.end_frame();
}

BOOST_FIXTURE_TEST_CASE(a_large_request_gets_a_chunk_of_its_own_and_disturbs_nothing, watched)
{
    alloc.begin_frame();
    auto* const before = static_cast<char*>(alloc.frame_alloc(layout{.bytes = 16}));
    auto* const large = static_cast<char*>(alloc.frame_alloc(layout{.bytes = 3'000'000}));
    std::memset(large, 1, 3'000'000);
    BOOST_TEST(log.count() == 2u);
    BOOST_TEST(this->chunks()[1] >= 3'000'000u);
    BOOST_TEST(this->chunks()[1] < 3'000'000u * 5 / 4 + 128);
    // The chunk that was current still is: the next request follows the one before.
    BOOST_TEST(alloc.frame_alloc(layout{.bytes = 16}) == before + 16);
    grow(alloc, 2_MiB);
    // And the sequence goes on where it was.
    std::vector<std::size_t> seen = this->chunks();
    seen.erase(seen.begin() + 1);
    BOOST_TEST(
        (seen == std::vector<std::size_t>(growth.begin(), growth.begin() + static_cast<std::ptrdiff_t>(seen.size()))));
    BOOST_TEST(large[0] == 1);
    BOOST_TEST(large[2'999'999] == 1);
    alloc.end_frame();
}

BOOST_FIXTURE_TEST_CASE(a_large_request_may_be_the_first, watched)
{
    alloc.begin_frame();
    void* const large = alloc.frame_alloc(layout{.bytes = 100'000, .align = 4096});
    BOOST_TEST(reinterpret_cast<std::uintptr_t>(large) % 4096 == 0u);
    static_cast<void>(alloc.frame_alloc(layout{.bytes = 16}));
    BOOST_TEST(log.count() == 2u);
    BOOST_TEST(this->chunks()[1] == 64_KiB);
    alloc.end_frame();
}

BOOST_FIXTURE_TEST_CASE(a_chunk_loses_less_at_its_end_than_the_request_that_did_not_fit, watched)
{
    alloc.begin_frame();
    std::size_t const requests[] = {16, 4080, 30'000, 64, 100'000, 999, 65'000, 250'000, 17};
    std::size_t largest = 0;
    for (int round = 0; round < 30; ++round) {
        for (std::size_t const bytes : requests) {
            alloc_stats const before = alloc.stats();
            static_cast<void>(alloc.frame_alloc(layout{.bytes = bytes, .align = 1}));
            alloc_stats const after = alloc.stats();
            std::size_t const rounded = (bytes + 15) / 16 * 16;
            BOOST_TEST(after.frame_bytes_used - before.frame_bytes_used == rounded);
            largest = std::max(largest, rounded);
            BOOST_TEST(after.frame_bytes_wasted - before.frame_bytes_wasted < rounded);
        }
    }
    alloc_stats const end = alloc.stats();
    std::size_t const chunk_count = log.count();
    // All that is reserved and not used: heads, ends, what is left of the current chunk, and a fifth of the large ones.
    std::size_t const unused = end.frame_bytes_reserved - end.frame_bytes_used;
    std::size_t large_bytes = 0;
    for (std::size_t const n : this->chunks()) large_bytes += detail::is_power_of_two(n) ? 0 : n;
    BOOST_TEST(unused <= chunk_count * (frame_chunk::head_bytes + largest) + 1_MiB + large_bytes / 5);
    BOOST_TEST(end.frame_bytes_wasted > 0u);
    alloc.end_frame();
    BOOST_TEST(alloc.stats().frame_bytes_wasted == 0u);
}

BOOST_FIXTURE_TEST_CASE(a_second_frame_of_the_same_size_makes_no_backend_call, watched)
{
    auto const one_frame = [&] {
        alloc.begin_frame();
        grow(alloc, 3_MiB);
        static_cast<void>(alloc.frame_alloc(layout{.bytes = 5'000'000}));
        static_cast<void>(alloc.frame_alloc(layout{.bytes = 2_MiB, .align = 2_MiB}));
        grow(alloc, 1_MiB);
        alloc.end_frame();
    };
    one_frame();
    std::size_t const calls = log.count();
    for (int i = 0; i < 1000; ++i) one_frame();
    BOOST_TEST(log.count() == calls);
    BOOST_TEST(alloc.stats().frame_bytes_reserved == 64_KiB);  // the first chunk stays, the others are the instance's
}

BOOST_FIXTURE_TEST_CASE(a_frame_larger_than_the_last_one_only_takes_what_is_new, watched)
{
    for (std::size_t const bytes : {100_KiB, 500_KiB, 3_MiB}) {
        alloc.begin_frame();
        grow(alloc, bytes);
        alloc.end_frame();
    }
    std::vector<std::size_t> const seen = this->chunks();
    BOOST_TEST(
        (seen == std::vector<std::size_t>(growth.begin(), growth.begin() + static_cast<std::ptrdiff_t>(seen.size()))));
}

// That the end of a frame is O(1) shows in what it does not do: it calls nobody, and it does not so much as touch the
// chunks, which a loop over them could not avoid.
BOOST_AUTO_TEST_CASE(ending_a_frame_of_ten_thousand_chunks_touches_at_most_two_of_them)
{
    test::backend_log log;
    basic_smart_alloc<from_malloc, sync::single_threaded, pool::none, arena::chunked<1024, 1024>> alloc{
        from_malloc{log}};
    constexpr std::size_t count = 10'000;
    std::vector<unsigned char*> blocks;
    auto const fill_frame = [&] {
        blocks.clear();
        alloc.begin_frame();
        for (std::size_t i = 0; i < count; ++i) {
            auto* const p = static_cast<unsigned char*>(alloc.frame_alloc(layout{.bytes = 960}));
            std::memset(p, static_cast<int>(i % 251), 960);
            blocks.push_back(p);
        }
    };
    fill_frame();
    BOOST_TEST(log.count() == count);
    std::vector<std::vector<unsigned char>> before;
    for (unsigned char* p : blocks) before.emplace_back(p - frame_chunk::head_bytes, p + 960);

    alloc.end_frame();
    BOOST_TEST(log.count() == count);
    std::size_t changed = 0;
    for (std::size_t i = 0; i < count; ++i) {
        test::dead(blocks[i], 960);
        changed += std::memcmp(blocks[i] - frame_chunk::head_bytes, before[i].data(), before[i].size()) != 0;
        if (std::memcmp(blocks[i], before[i].data() + frame_chunk::head_bytes, 960) != 0)
            BOOST_ERROR("a chunk was written to");
    }
    BOOST_TEST(changed <= 2u);  // the last one kept and the first one handed on are cut apart

    // The next frame finds them in the order in which they came, so that it calls nobody either.
    std::vector<unsigned char*> const first = blocks;
    fill_frame();
    BOOST_TEST((blocks == first));
    BOOST_TEST(log.count() == count);
    alloc.end_frame();
}

BOOST_AUTO_TEST_CASE(everything_taken_is_given_back_at_the_end)
{
    test::backend_log log;
    {
        frames_only alloc{from_malloc{log}};
        alloc.begin_frame();
        grow(alloc, 5_MiB);
        static_cast<void>(alloc.frame_alloc(layout{.bytes = 9'000'000}));
        static_cast<void>(alloc.frame_alloc(layout{.bytes = 10, .align = 1_MiB}));
        alloc.end_frame();
        alloc.begin_frame();
        grow(alloc, 1_MiB);
        static_cast<void>(alloc.frame_alloc(layout{.bytes = 9'000'000}));
        static_cast<void>(alloc.heap_alloc(layout{.bytes = 12'345}));  // never freed
        BOOST_TEST(log.bytes_held() == alloc.stats().backend_bytes);
        BOOST_TEST(bool(alloc.verify()));
        // And the frame is left open.
    }
    BOOST_TEST(log.is_balanced());
}

BOOST_AUTO_TEST_CASE(a_fixed_arena_asks_once_for_exactly_its_bytes)
{
    test::backend_log log;
    {
        basic_smart_alloc<from_malloc, sync::single_threaded, pool::none, arena::fixed<10'000>> alloc{from_malloc{log}};
        for (int i = 0; i < 3; ++i) {
            alloc.begin_frame();
            BOOST_TEST(alloc.try_frame_alloc(layout{.bytes = 9'984, .align = 64}) != nullptr);
            BOOST_TEST(alloc.try_frame_alloc(layout{.bytes = 16}) != nullptr);
            BOOST_TEST(alloc.try_frame_alloc(layout{.bytes = 1}) == nullptr);
            alloc.end_frame();
        }
        BOOST_TEST((log.asked(backend_call::allocate) == std::vector<layout>{{10'000 + frame_chunk::head_bytes, 64}}));
        BOOST_TEST(log.count() == 1u);
    }
    BOOST_TEST(log.is_balanced());
}

BOOST_AUTO_TEST_CASE(chunks_come_from_reserved_ranges_where_the_backend_has_virtual_memory)
{
    using from_pages = test::logged<backend::virtual_memory>;
    test::backend_log log;
    {
        basic_smart_alloc<from_pages, sync::single_threaded, pool::none> alloc{from_pages{log}};
        for (int i = 0; i < 2; ++i) {
            alloc.begin_frame();
            grow(alloc, 400_KiB);
            alloc.end_frame();
        }
        std::vector<std::size_t> const expected{64_KiB, 128_KiB, 256_KiB};
        BOOST_TEST(log.sizes(backend_call::reserve) == expected, boost::test_tools::per_element());
        BOOST_TEST(log.sizes(backend_call::commit) == expected, boost::test_tools::per_element());
        BOOST_TEST(log.count() == 6u);
    }
    BOOST_TEST(log.count(backend_call::release) == 3u);
    BOOST_TEST(log.is_balanced());
}

BOOST_AUTO_TEST_CASE(a_thread_can_be_warmed_up_so_that_its_first_frame_calls_nobody)
{
    test::backend_log log;
    basic_smart_alloc<from_malloc> alloc{from_malloc{log}};
    BOOST_TEST(alloc.attach_thread({.frame_bytes = 1_MiB}));  // cut to the chunk's size
    std::size_t const calls = log.count();
    BOOST_TEST(calls > 0u);
    BOOST_TEST(!alloc.frame_is_open());
    alloc.begin_frame();
    grow(alloc, 60_KiB);
    BOOST_TEST(alloc.attach_thread({.frame_bytes = 1_MiB}));  // inside a frame: nothing happens
    BOOST_TEST(alloc.stats().frame_bytes_used >= 60_KiB);
    alloc.end_frame();
    BOOST_TEST(log.count() == calls);
}

BOOST_AUTO_TEST_SUITE_END()
