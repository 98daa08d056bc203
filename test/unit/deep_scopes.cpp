// SPDX-License-Identifier: MIT OR Apache-2.0
#include "support/test.hpp"

#include "support/faults.hpp"

#include <framealloc/arena/fixed.hpp>

#include <memory>
#include <optional>
#include <vector>

// The marks of a few scopes have a place in the thread's state; beyond them, a scope's mark lies in the frame.

BOOST_AUTO_TEST_SUITE(deep_scopes)

using framealloc::arena::fixed;
using framealloc::basic_smart_alloc;
using framealloc::smart_alloc;

namespace {

struct noted {
    std::vector<int>* log;
    int number;
    ~noted() { log->push_back(number); }
};

void nest(smart_alloc& alloc, std::vector<int>& log, int depth, int deepest) {
    auto scope = alloc.frame_scope();
    scope.frame_new<noted>(&log, depth);
    if (depth < deepest) nest(alloc, log, depth + 1, deepest);
    BOOST_TEST(static_cast<int>(log.size()) == deepest - depth);
}

}  // namespace

BOOST_AUTO_TEST_CASE(fifty_scopes_nest_and_each_takes_back_what_is_its_own)
{
    smart_alloc alloc;
    alloc.begin_frame();
    static_cast<void>(alloc.frame_alloc<long>());
    std::size_t const before = alloc.stats().frame_bytes_used;
    for (int round = 0; round < 3; ++round) {
        std::vector<int> log;
        nest(alloc, log, 1, 50);
        BOOST_REQUIRE(log.size() == 50u);
        for (int i = 0; i < 50; ++i) BOOST_TEST(log[static_cast<std::size_t>(i)] == 50 - i);
        BOOST_TEST(alloc.stats().frame_bytes_used == before);
    }
    alloc.end_frame();
}

BOOST_AUTO_TEST_CASE(the_first_eight_scopes_take_nothing_of_the_frame)
{
    smart_alloc alloc;
    alloc.begin_frame();
    static_cast<void>(alloc.frame_alloc<long>());
    std::size_t const before = alloc.stats().frame_bytes_used;
    using scope = decltype(alloc.frame_scope());
    std::vector<std::unique_ptr<scope>> open;
    for (int i = 0; i < 8; ++i) open.push_back(std::make_unique<scope>(alloc.shared()));
    BOOST_TEST(alloc.stats().frame_bytes_used == before);
    open.push_back(std::make_unique<scope>(alloc.shared()));
    BOOST_TEST(alloc.stats().frame_bytes_used == before + 64);
    while (!open.empty()) open.pop_back();
    BOOST_TEST(alloc.stats().frame_bytes_used == before);
    alloc.end_frame();
}

BOOST_AUTO_TEST_CASE(a_scope_left_out_of_order_frees_its_place_all_the_same)
{
    smart_alloc alloc;
    framealloc::test::fault_recorder faults;
    alloc.begin_frame();
    static_cast<void>(alloc.frame_alloc<long>());
    std::size_t const before = alloc.stats().frame_bytes_used;
    using scope = decltype(alloc.frame_scope());
    for (int round = 0; round < 20; ++round) {
        std::optional<scope> outer(std::in_place, alloc.shared());
        std::optional<scope> inner(std::in_place, alloc.shared());
        outer.reset();
        inner.reset();
    }
    BOOST_TEST(faults.count() == 20u);
    BOOST_TEST(alloc.stats().frame_bytes_used == before);
    alloc.end_frame();
    BOOST_TEST(faults.count() == 20u);
}

#if FRAMEALLOC_EXCEPTIONS
BOOST_AUTO_TEST_CASE(a_deep_scope_without_room_throws_and_the_others_go_on)
{
    basic_smart_alloc<fixed<64>> alloc;
    using scope = decltype(alloc.frame_scope());
    {
        scope outermost(alloc.shared());
        static_cast<void>(outermost.frame_alloc<unsigned char[48]>());
        std::vector<std::unique_ptr<scope>> open;
        for (int i = 1; i < 8; ++i) open.push_back(std::make_unique<scope>(alloc.shared()));
        std::size_t const used = alloc.stats().frame_bytes_used;
        BOOST_CHECK_THROW(static_cast<void>(scope{alloc.shared()}), framealloc::allocation_failure);
        BOOST_TEST(alloc.stats().frame_bytes_used == used);
        BOOST_TEST(alloc.frame_is_open());
        while (!open.empty()) open.pop_back();
    }
    BOOST_TEST(!alloc.frame_is_open());
}
#endif

BOOST_AUTO_TEST_SUITE_END()
