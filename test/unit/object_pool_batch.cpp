// SPDX-License-Identifier: MIT OR Apache-2.0
#include "support/test.hpp"

#include <framealloc/diagnostics/counters.hpp>
#include <framealloc/object_pool/concurrent_pool.hpp>
#include <framealloc/object_pool/fixed_pool.hpp>
#include <framealloc/object_pool/growing_pool.hpp>
#include <framealloc/object_pool/lock_free_pool.hpp>
#include <framealloc/object_pool/slots/bitmap.hpp>

#include <algorithm>
#include <set>
#include <string>
#include <vector>

using namespace framealloc;

namespace {

struct immovable {
    std::size_t value;
    immovable* self = this;
    explicit immovable(std::size_t v) : value(v) {}
    immovable(immovable&&) = delete;
};

template <class Pool>
std::vector<int> values_of(Pool& pool)
{
    std::vector<int> all;
    pool.for_each([&](int const& value) { all.push_back(value); });
    return all;
}

using bits = fixed_pool<int, slots::bitmap>;
using growing_bits = growing_pool<int, slots::bitmap>;

}  // namespace

BOOST_AUTO_TEST_SUITE(object_pool_batches)

BOOST_AUTO_TEST_CASE(a_batch_is_made_by_a_generator_where_the_objects_stand)
{
    auto const serves = [](auto&& pool) {
        std::vector<immovable*> all(40);
        pool.allocate_n(all, [](std::size_t i) { return immovable{i * i}; });
        for (std::size_t i = 0; i < all.size(); ++i) {
            BOOST_TEST(all[i]->value == i * i);
            BOOST_TEST(all[i]->self == all[i]);
        }
        BOOST_TEST((std::set<immovable*>(all.begin(), all.end()).size() == all.size()));
        BOOST_TEST(std::is_sorted(all.begin(), all.end()));
        BOOST_TEST(pool.live() == 40u);
        pool.free_n(all);
        BOOST_TEST(pool.live() == 0u);
        BOOST_TEST(pool.available() == pool.capacity());
    };
    serves(fixed_pool<immovable>{40});
    serves(fixed_pool<immovable, slots::bitmap>{40});
    serves(fixed_pool<immovable, slots::free_list>{50});
    serves(lock_free_pool<immovable>{40});
    serves(concurrent_pool<immovable, std::mutex, storage::fixed>{40});
    serves(fixed_pool<immovable, sharing::local>{40});
    serves(fixed_pool<immovable, diagnostics::checked>{40});
}

BOOST_AUTO_TEST_CASE(without_a_generator_they_are_value_initialised)
{
    fixed_pool<int> pool{4};
    std::vector<int*> all(4);
    pool.allocate_n(all);
    for (int* const object : all) *object = 77;
    pool.free_n(all);
    pool.allocate_n(all);
    for (int* const object : all) BOOST_TEST(*object == 0);
}

BOOST_AUTO_TEST_CASE(a_batch_of_none_is_served_by_a_full_pool)
{
    fixed_pool<int> pool{1};
    static_cast<void>(pool.allocate());
    BOOST_TEST(pool.try_allocate_n({}));
    pool.allocate_n({}, [](std::size_t) { return 1; });
    pool.free_n({});
    BOOST_TEST(pool.live() == 1u);
}

BOOST_AUTO_TEST_CASE(a_batch_comes_as_a_whole_or_not_at_all)
{
    auto const all_or_none = [](auto&& pool) {
        std::vector<int*> four(4), seven(7), six(6);
        pool.allocate_n(four, [](std::size_t i) { return int(i); });
        bool called = false;
        BOOST_TEST(!pool.try_allocate_n(seven, [&](std::size_t) { return called = true, 0; }));
        BOOST_TEST(!called);
        BOOST_TEST(pool.live() == 4u);
        BOOST_TEST(pool.available() == 6u);
        BOOST_TEST(pool.try_allocate_n(six, [](std::size_t i) { return int(i) + 4; }));
        BOOST_TEST(!pool.try_allocate_n(std::span{four}.first(1)));
        for (int i = 0; i < 6; ++i) BOOST_TEST(*six[std::size_t(i)] == i + 4);
        pool.free_n(six);
        BOOST_TEST(pool.live() == 4u);
    };
    all_or_none(fixed_pool<int>{10});
    all_or_none(bits{10});
    all_or_none(lock_free_pool<int>{10});
    all_or_none(concurrent_pool<int, std::mutex, storage::fixed>{10});
}

BOOST_AUTO_TEST_CASE(slots_of_a_refused_batch_are_given_out_in_their_order_afterwards)
{
    fixed_pool<int> pool{10};
    std::vector<int*> many(11);
    BOOST_TEST(!pool.try_allocate_n(many));
    int* before = nullptr;
    for (int i = 0; i < 10; ++i) {
        int* const object = pool.allocate();
        BOOST_TEST(object > before);
        before = object;
    }
}

BOOST_AUTO_TEST_CASE(a_batch_grows_the_pool_by_what_it_wants_in_one_step)
{
    growing_pool<int, diagnostics::counters> pool{{.capacity = 10, .growth = growth::linear(5)}};
    std::vector<int*> all(100);
    pool.allocate_n(all);
    BOOST_TEST(pool.capacity() == 100u);
    BOOST_TEST(pool.stats().growths == 1u);
    BOOST_TEST(pool.stats().allocations == 100u);
    BOOST_TEST((std::set<int*>(all.begin(), all.end()).size() == 100u));
}

#if FRAMEALLOC_EXCEPTIONS

namespace {

struct logged {
    static inline std::vector<std::size_t> ended, released;
    std::size_t number;
    explicit logged(std::size_t n) : number(n) {}
    ~logged() { ended.push_back(number); }
    void on_release() noexcept { released.push_back(number); }
};

template <class Pool>
void generators_may_throw_anywhere()
{
    for (std::size_t at = 0; at < 20; ++at) {
        Pool pool{20};
        std::vector<logged*> few(5), all(15);
        pool.allocate_n(few, [](std::size_t) { return logged{99}; });
        logged::ended.clear();
        logged::released.clear();
        auto const generator = [at](std::size_t i) {
            if (i == at) throw i;
            return logged{i};
        };
        if (at < all.size()) {
            BOOST_CHECK_THROW(pool.allocate_n(all, generator), std::size_t);
            BOOST_TEST(pool.live() == 5u);
            BOOST_TEST(pool.available() == 15u);
            std::vector<std::size_t> backwards;
            for (std::size_t i = at; i > 0; --i) backwards.push_back(i - 1);
            BOOST_TEST(logged::ended == backwards, boost::test_tools::per_element());
            BOOST_TEST(logged::released == backwards, boost::test_tools::per_element());
            object_pool_stats const s = pool.stats();
            BOOST_TEST(s.allocations - s.frees == 5u);
            BOOST_TEST(s.failures == 1u);
            BOOST_CHECK_THROW(static_cast<void>(pool.try_allocate_n(all, generator)), std::size_t);
        }
        pool.allocate_n(all, [](std::size_t i) { return logged{i}; });  // there is room for all of them still
        BOOST_TEST(pool.stats().peak == 20u);
        pool.free_n(all);
        pool.free_n(few);
        BOOST_TEST(pool.live() == 0u);
    }
}

}  // namespace

BOOST_AUTO_TEST_CASE(where_a_generator_throws_those_before_end_backwards_and_nothing_is_lost)
{
    generators_may_throw_anywhere<fixed_pool<logged, diagnostics::counters>>();
    generators_may_throw_anywhere<fixed_pool<logged, slots::bitmap, diagnostics::counters>>();
    generators_may_throw_anywhere<fixed_pool<logged, diagnostics::checked>>();
    generators_may_throw_anywhere<lock_free_pool<logged, diagnostics::counters>>();
    generators_may_throw_anywhere<concurrent_pool<logged, std::mutex, storage::fixed, diagnostics::counters>>();
    generators_may_throw_anywhere<fixed_pool<logged, sharing::local, diagnostics::counters>>();
}

#endif

// --- visiting ---

BOOST_AUTO_TEST_CASE(what_is_alive_is_visited_in_the_order_of_addresses)
{
    for (std::size_t const count : {1u, 63u, 64u, 65u, 200u, 4096u, 5000u}) {
        bits pool{count};
        std::vector<int*> all(count);
        pool.allocate_n(all, [](std::size_t i) { return int(i); });
        std::vector<int> expected;
        for (std::size_t i = 0; i < count; ++i) {
            if (i % 3 == 1 || i / 64 == 1) {
                pool.free(all[i]);
            } else {
                expected.push_back(int(i));
            }
        }
        BOOST_TEST(values_of(pool) == expected, boost::test_tools::per_element());
        BOOST_TEST(values_of(std::as_const(pool)) == expected, boost::test_tools::per_element());
    }
    bits const empty{100};
    BOOST_TEST(values_of(empty).empty());
}

BOOST_AUTO_TEST_CASE(chunks_are_visited_in_the_order_of_addresses_too)
{
    growing_bits pool{{.capacity = 7, .growth = growth::linear(7)}};
    std::vector<int*> all;
    for (int i = 0; i < 200; ++i) all.push_back(pool.allocate(i));
    for (std::size_t i = 0; i < 200; i += 5) pool.free(all[i]);
    std::set<int*> expected;
    for (std::size_t i = 0; i < 200; ++i) {
        if (i % 5 != 0) expected.insert(all[i]);
    }
    std::vector<int*> visited;
    pool.for_each([&](int& object) { visited.push_back(&object); });
    BOOST_TEST((visited == std::vector<int*>(expected.begin(), expected.end())));
}

BOOST_AUTO_TEST_CASE(who_is_visited_may_be_freed_and_so_may_others)
{
    bits pool{300};
    std::vector<int*> all(300);
    pool.allocate_n(all, [](std::size_t i) { return int(i); });
    // Each visited one takes its successor along.
    std::vector<int> visited;
    pool.for_each([&](int& value) {
        visited.push_back(value);
        if (value + 1 < 300) pool.free(all[std::size_t(value) + 1]);
        if (value % 4 == 0) pool.free(&value);
    });
    BOOST_TEST(visited.size() == 150u);
    for (std::size_t i = 0; i < visited.size(); ++i) BOOST_TEST(visited[i] == int(2 * i));
    BOOST_TEST(pool.live() == 75u);
    pool.for_each([&](int& value) { pool.free(&value); });
    BOOST_TEST(pool.live() == 0u);
}

BOOST_AUTO_TEST_CASE(a_visit_outlasts_growth_that_it_causes)
{
    for (std::size_t const chunks : {1u, 7u, 8u, 9u, 30u}) {
        growing_bits pool{{.capacity = 4, .growth = growth::linear(4)}};
        std::set<int*> there;
        while (there.size() < chunks * 4) there.insert(pool.allocate(0));
        std::set<int*> visited;
        std::size_t added = 0;
        pool.for_each([&](int& object) {
            BOOST_TEST_REQUIRE(visited.insert(&object).second);  // none twice
            if (added < 200) {
                for (int i = 0; i < 4; ++i, ++added) static_cast<void>(pool.allocate(1));
            }
        });
        // All that were there have been seen; of those that came, some.
        BOOST_TEST(std::includes(visited.begin(), visited.end(), there.begin(), there.end()));
        BOOST_TEST(pool.live() == there.size() + added);
    }
}

BOOST_AUTO_TEST_CASE(what_waits_for_its_end_or_has_no_owner_is_not_visited)
{
    fixed_pool<int, slots::bitmap, drop::deferred> waiting{10};
    int* const one = waiting.allocate(1);
    static_cast<void>(waiting.allocate(2));
    waiting.free(one);
    BOOST_TEST((values_of(waiting) == std::vector<int>{2}));
    BOOST_TEST(waiting.live() == 2u);

    fixed_pool<int, slots::bitmap, sharing::local> owned_by_several{10};
    auto a = owned_by_several.make_shared(1);
    auto const b = a;
    auto const c = owned_by_several.make(3);
    BOOST_TEST((values_of(owned_by_several) == std::vector<int>{1, 3}));
    a.reset();
    BOOST_TEST((values_of(owned_by_several) == std::vector<int>{1, 3}));
}

BOOST_AUTO_TEST_CASE(the_one_free_slot_of_a_million_is_found_wherever_it_is)
{
    constexpr std::size_t count = 1'000'000;
    bits pool{count};
    std::vector<int*> all(count);
    pool.allocate_n(all);
    BOOST_TEST(pool.try_allocate() == nullptr);
    for (std::size_t const hole : {count - 1, std::size_t{0}, std::size_t{63}, std::size_t{64}, std::size_t{4095},
                                   std::size_t{4096}, std::size_t{262'143}, std::size_t{262'144}, count / 2}) {
        pool.free(all[hole]);
        BOOST_TEST(pool.available() == 1u);
        BOOST_TEST(pool.try_allocate() == all[hole]);
        BOOST_TEST(pool.try_allocate() == nullptr);
    }
    // Two holes far apart: the lower one first.
    pool.free(all[count - 1]);
    pool.free(all[1]);
    BOOST_TEST(pool.try_allocate() == all[1]);
    BOOST_TEST(pool.try_allocate() == all[count - 1]);
}

BOOST_AUTO_TEST_SUITE_END()
