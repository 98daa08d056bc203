// SPDX-License-Identifier: MIT OR Apache-2.0
#include "support/test.hpp"

#include "support/failing.hpp"

#include <framealloc/arena/fixed.hpp>
#include <framealloc/containers/frame_batches.hpp>
#include <framealloc/smart_alloc.hpp>

#include <numeric>
#include <ranges>
#include <string>
#include <thread>
#include <vector>

using namespace framealloc;

namespace {

using iterator = batches<int>::iterator;
static_assert(std::random_access_iterator<iterator>);
static_assert(std::ranges::random_access_range<batches<int>> && std::ranges::sized_range<batches<int>>);

struct in_frame : smart_alloc {
    in_frame() { this->begin_frame(); }
    ~in_frame() { this->end_frame(); }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(frames_in_batches)

BOOST_AUTO_TEST_CASE(every_item_is_in_one_batch_and_only_the_last_batch_is_shorter)
{
    in_frame alloc;
    for (std::size_t const n : {1u, 2u, 7u, 8u, 9u, 16u, 1000u}) {
        for (std::size_t const size : {1u, 2u, 8u, 999u, 1000u, 5000u}) {
            auto const all = frame_batches<long>(alloc, n, size);
            std::iota(all.items().begin(), all.items().end(), 1L);
            long sum = 0;
            std::size_t items = 0, i = 0;
            for (std::span<long> const batch : all) {
                bool const is_last = ++i == all.size();
                BOOST_TEST_REQUIRE((is_last ? batch.size() > 0 && batch.size() <= size : batch.size() == size));
                BOOST_TEST_REQUIRE(batch.data() == all.items().data() + items);
                items += batch.size();
                sum = std::accumulate(batch.begin(), batch.end(), sum);
            }
            BOOST_TEST_REQUIRE(i == (n + size - 1) / size);
            BOOST_TEST_REQUIRE(items == n);
            BOOST_TEST_REQUIRE(sum == long(n * (n + 1) / 2));
        }
    }
}

BOOST_AUTO_TEST_CASE(no_items_are_no_batches)
{
    in_frame alloc;
    auto const none = frame_batches<int>(alloc, 0, 16);
    BOOST_TEST(none.empty());
    BOOST_TEST(none.size() == 0u);
    BOOST_TEST((none.begin() == none.end()));
    BOOST_TEST(batches<int>{}.size() == 0u);
}

BOOST_AUTO_TEST_CASE(a_batch_size_beyond_all_items_is_one_batch_and_nothing_overflows)
{
    in_frame alloc;
    auto const one = frame_batches<int>(alloc, 10, SIZE_MAX);
    BOOST_TEST(one.size() == 1u);
    BOOST_TEST(one[0].size() == 10u);
}

BOOST_AUTO_TEST_CASE(items_are_value_initialised_and_destroyed_with_the_frame)
{
    static int alive;
    struct item {
        int value = 7;
        item() { ++alive; }
        ~item() { --alive; }
    };
    alive = 0;
    {
        in_frame alloc;
        auto scope = alloc.frame_scope();
        auto const all = frame_batches<item>(scope, 10, 3);
        BOOST_TEST(all[3][0].value == 7);
        BOOST_TEST(alive == 10);
        BOOST_TEST(frame_batches<int>(alloc.ref(), 5, 2)[2][0] == 0);
        BOOST_TEST(frame_batches<int>(alloc.local(), 5, 2).size() == 3u);
    }
    BOOST_TEST(alive == 0);
}

BOOST_AUTO_TEST_CASE(batches_are_for_as_many_threads)
{
    in_frame alloc;
    auto const all = frame_batches<int>(alloc, 10'000, 2'600);
    std::vector<std::thread> workers;
    for (std::span<int> const batch : all) {
        workers.emplace_back([batch] {
            for (int& i : batch) ++i;
        });
    }
    BOOST_TEST(workers.size() == 4u);
    for (std::thread& w : workers) w.join();
    BOOST_TEST(std::accumulate(all.items().begin(), all.items().end(), 0) == 10'000);
}

BOOST_AUTO_TEST_CASE(iterators_are_random_access)
{
    int items[10];
    std::iota(std::begin(items), std::end(items), 0);
    batches<int> const all{items, 4};
    iterator const begin = all.begin();
    BOOST_TEST(begin[2].size() == 2u);
    BOOST_TEST((*(begin + 1))[0] == 4);
    BOOST_TEST((*(1 + begin))[0] == 4);
    BOOST_TEST((all.end() - begin == 3));
    BOOST_TEST((*(all.end() - 1))[0] == 8);
    iterator i = all.end();
    BOOST_TEST(((*--i)[0] == 8 && (*i--)[0] == 8 && (*i++)[0] == 4));
    BOOST_TEST((begin < i));
    BOOST_TEST((all | std::views::reverse).front()[0] == 8);
}

BOOST_AUTO_TEST_CASE(a_batch_of_no_items_is_refused_and_nothing_is_allocated)
{
    in_frame alloc;
#if FRAMEALLOC_EXCEPTIONS
    try {
        static_cast<void>(frame_batches<int>(alloc, 10, 0));
        BOOST_ERROR("it was not refused");
    } catch (configuration_error const& e) {
        BOOST_TEST(std::string{e.what()}.find("[FA902]") != std::string::npos);
    }
#else
    BOOST_TEST(test::how_it_fails([&] { static_cast<void>(frame_batches<int>(alloc, 10, 0)); }).code ==
               fault_code::bad_configuration);
#endif
    BOOST_TEST(alloc.stats().frame_bytes_used == 0u);
}

BOOST_AUTO_TEST_CASE(what_the_frame_has_no_room_for_is_refused)
{
    basic_smart_alloc<arena::fixed<1024>> small;
    small.begin_frame();
    BOOST_TEST(test::how_it_fails([&] { static_cast<void>(frame_batches<int>(small, 1000, 10)); }).code ==
               fault_code::arena_exhausted);
    BOOST_TEST(test::how_it_fails([&] { static_cast<void>(frame_batches<int>(small, SIZE_MAX, 10)); }).code ==
               fault_code::impossible_size);
    BOOST_TEST(small.stats().frame_bytes_used == 0u);
    small.end_frame();
}

BOOST_AUTO_TEST_SUITE_END()
