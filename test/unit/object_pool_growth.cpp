// SPDX-License-Identifier: MIT OR Apache-2.0
#include "support/test.hpp"

#include "support/failing.hpp"
#include "support/logged.hpp"

#include <framealloc/backend/faulting.hpp>
#include <framealloc/diagnostics/counters.hpp>
#include <framealloc/object_pool/concurrent_pool.hpp>
#include <framealloc/object_pool/fixed_pool.hpp>
#include <framealloc/object_pool/growing_pool.hpp>
#include <framealloc/object_pool/lock_free_pool.hpp>
#include <framealloc/object_pool/slots/bitmap.hpp>

#include <algorithm>
#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

using namespace framealloc;

namespace {

using capacities = std::vector<std::size_t>;

/// The capacities that a pool goes through as it is filled, until it refuses or has `most`.
template <class Pool>
capacities capacities_of(Pool& pool, std::size_t most = SIZE_MAX)
{
    capacities seen{pool.capacity()};
    while (pool.capacity() < most && pool.try_allocate() != nullptr) {
        if (pool.capacity() != seen.back()) seen.push_back(pool.capacity());
    }
    return seen;
}
capacities capacities_of(object_pool_config const& config, std::size_t most = SIZE_MAX)
{
    growing_pool<int> list{config};
    growing_pool<int, slots::bitmap> bits{config};
    concurrent_pool<int> locked{config};
    capacities const seen = capacities_of(list, most);
    BOOST_TEST(capacities_of(bits, most) == seen, boost::test_tools::per_element());
    BOOST_TEST(capacities_of(locked, most) == seen, boost::test_tools::per_element());
    return seen;
}

using faulty = backend::faulting<backend::system>;

void refuse_from(faulty& of, std::uint64_t n) { of.fail(backend::backend_operation::allocate, backend::fault_plan::from(n)); }
void refuse_nothing(faulty& of) { of.fail(backend::backend_operation::allocate, backend::fault_plan::never()); }

}  // namespace

BOOST_AUTO_TEST_SUITE(object_pool_growth)

// --- strategies ---

BOOST_AUTO_TEST_CASE(linear_growth_adds_the_same_each_time)
{
    BOOST_TEST((capacities_of({.capacity = 10, .growth = growth::linear(7)}, 45) == capacities{10, 17, 24, 31, 38, 45}));
}

BOOST_AUTO_TEST_CASE(exponential_growth_multiplies_and_rounds_up)
{
    BOOST_TEST((capacities_of({.capacity = 5}, 80) == capacities{5, 10, 20, 40, 80}));  // by default it doubles
    BOOST_TEST((capacities_of({.capacity = 10, .growth = growth::exponential(1.5)}, 52) == capacities{10, 15, 23, 35, 53}));
    BOOST_TEST((capacities_of({.capacity = 1, .growth = growth::exponential(1.01)}, 4) == capacities{1, 2, 3, 4}));
    BOOST_TEST((capacities_of({.capacity = 2, .growth = growth::exponential(10)}, 200) == capacities{2, 20, 200}));
}

BOOST_AUTO_TEST_CASE(a_growing_pool_that_is_told_not_to_grow_does_not)
{
    BOOST_TEST((capacities_of({.capacity = 10, .growth = growth::none()}) == capacities{10}));
}

BOOST_AUTO_TEST_CASE(custom_growth_is_asked_with_the_slots_that_there_are)
{
    std::vector<std::size_t> asked;
    growing_pool<int> pool{{.capacity = 3, .growth = growth::custom([&](std::size_t have) {
                                asked.push_back(have);
                                return have + 1;
                            })}};
    BOOST_TEST((capacities_of(pool, 31) == capacities{3, 7, 15, 31}));
    BOOST_TEST((asked == std::vector<std::size_t>{3, 7, 15}));
}

BOOST_AUTO_TEST_CASE(the_last_step_is_cut_so_that_the_maximum_is_reached)
{
    BOOST_TEST((capacities_of({.capacity = 100, .maximum = 150}) == capacities{100, 150}));
    BOOST_TEST((capacities_of({.capacity = 100, .maximum = 101, .growth = growth::linear(64)}) == capacities{100, 101}));
    BOOST_TEST((capacities_of({.capacity = 4, .maximum = 30}) == capacities{4, 8, 16, 30}));
    BOOST_TEST((capacities_of({.capacity = 7, .maximum = 7}) == capacities{7}));
    growth const huge = growth::custom([](std::size_t) { return SIZE_MAX; });
    BOOST_TEST((capacities_of({.capacity = 1, .maximum = 50, .growth = huge}) == capacities{1, 50}));
    BOOST_TEST((capacities_of({.capacity = 1, .maximum = 50, .growth = growth::linear(SIZE_MAX)}) == capacities{1, 50}));
    BOOST_TEST((capacities_of({.capacity = 1, .maximum = 50, .growth = growth::exponential(1e300)}) == capacities{1, 50}));
}

BOOST_AUTO_TEST_CASE(custom_growth_of_zero_refuses_and_of_one_adds_one)
{
    BOOST_TEST((capacities_of({.capacity = 2, .growth = growth::custom([](std::size_t) { return std::size_t{0}; })}) ==
                capacities{2}));
    BOOST_TEST((capacities_of({.capacity = 2, .growth = growth::custom([](std::size_t) { return std::size_t{1}; })}, 5) ==
                capacities{2, 3, 4, 5}));
}

BOOST_AUTO_TEST_CASE(a_step_that_no_backend_serves_is_a_refusal_that_changes_nothing)
{
    growing_pool<int, faulty> pool{{.capacity = 2, .growth = growth::custom([](std::size_t) { return SIZE_MAX; })}};
    BOOST_TEST(pool.maximum() == object_pool_config::most_slots);
    int* const one = pool.allocate(1);
    int* const two = pool.allocate(2);
    refuse_from(pool.backend(), 1);
    BOOST_TEST(pool.try_allocate(3) == nullptr);
    BOOST_TEST(pool.capacity() == 2u);
    BOOST_TEST(*one + *two == 3);
    auto const seen = test::how_it_fails([&] { static_cast<void>(pool.allocate(3)); });
    BOOST_TEST(seen.failed);
    BOOST_TEST(seen.code == fault_code::out_of_memory);
}

#if FRAMEALLOC_EXCEPTIONS

BOOST_AUTO_TEST_CASE(what_custom_growth_throws_comes_out_of_plain_forms_and_refuses_in_others)
{
    bool throws = true;
    growing_pool<int, diagnostics::counters> pool{{.capacity = 1, .growth = growth::custom([&](std::size_t) {
                                                       if (throws) throw 7;
                                                       return std::size_t{1};
                                                   })}};
    int* const first = pool.allocate(1);
    BOOST_CHECK_THROW(static_cast<void>(pool.allocate(2)), int);
    BOOST_TEST(pool.try_allocate(2) == nullptr);
    std::vector<int*> batch(3);
    BOOST_CHECK_THROW(pool.allocate_n(batch), int);
    BOOST_TEST(!pool.try_allocate_n(batch));
    BOOST_TEST(*first == 1);
    BOOST_TEST(pool.capacity() == 1u);
    BOOST_TEST(pool.live() == 1u);
    BOOST_TEST(pool.stats().growths == 0u);
    throws = false;
    BOOST_TEST(*pool.allocate(2) == 2);
}

#endif

// --- refusals ---

BOOST_AUTO_TEST_CASE(a_pool_that_may_not_grow_says_what_was_asked_what_is_taken_and_what_it_may_have)
{
    growing_pool<int> pool{{.capacity = 2, .maximum = 3, .name = "particles"}};
    for (int i = 0; i < 3; ++i) static_cast<void>(pool.allocate(i));
    auto const seen = test::how_it_fails([&] { static_cast<void>(pool.allocate(3)); });
    BOOST_TEST(seen.failed);
    BOOST_TEST(seen.code == fault_code::object_pool_exhausted);
    BOOST_TEST(seen.says("asked for 1; 3 of 3 slots are taken, and it may have 3"), seen.text);
    BOOST_TEST(seen.says("particles"), seen.text);

    fixed_pool<int> fixed{5};
    std::vector<int*> three(3), four(4);
    fixed.allocate_n(three);
    auto const batch = test::how_it_fails([&] { fixed.allocate_n(four); });
    BOOST_TEST(batch.code == fault_code::object_pool_exhausted);
    BOOST_TEST(batch.says("asked for 4; 3 of 5 slots are taken, and it may have 5"), batch.text);
    BOOST_TEST(fixed.live() == 3u);
}

BOOST_AUTO_TEST_CASE(a_pool_whose_first_memory_is_refused_is_not_built)
{
    auto const refused = [](auto type) {
        using Pool = typename decltype(type)::type;
        auto const seen = test::how_it_fails([] {
            Pool pool{100};
            static_cast<void>(pool.capacity());
        });
        BOOST_TEST(seen.failed);
        BOOST_TEST(seen.code == fault_code::out_of_memory);
        BOOST_TEST(seen.says("for an object pool"), seen.text);
    };
    struct none : backend::system {
        [[nodiscard]] void* try_allocate(layout) noexcept { return nullptr; }
    };
    refused(std::type_identity<fixed_pool<int, none>>{});
    refused(std::type_identity<growing_pool<int, none>>{});
    refused(std::type_identity<lock_free_pool<int, none>>{});
    refused(std::type_identity<fixed_pool<std::string, initialise::kept<>, none>>{});
}

namespace {

/// Fills a pool, one object or a batch at a time, while its backend refuses call `n`, for n = 1, 2, 3, ... until none is refused:
/// each refusal loses nothing, and the pool goes on when the backend serves again.
template <class Pool>
void refusals_lose_nothing(std::size_t at_once)
{
    for (std::uint64_t n = 1;; ++n) {
        Pool pool{{.capacity = 3, .growth = growth::linear(3)}};
        refuse_from(pool.backend(), n);
        std::map<long*, long> live;
        bool was_refused = false;
        while (live.size() < 100) {
            std::size_t const before = pool.live();
            std::vector<long*> batch(at_once);
            long next = long(live.size());
            bool served = false;
            if (at_once == 1) {
                batch[0] = pool.try_allocate(next);
                served = batch[0] != nullptr;
            } else {
                served = pool.try_allocate_n(batch, [&](std::size_t i) { return next + long(i); });
            }
            if (served) {
                for (long* const object : batch) BOOST_TEST_REQUIRE(live.emplace(object, next++).second);
            } else {
                BOOST_TEST_REQUIRE(pool.live() == before);
                auto const seen = test::how_it_fails([&] {
                    if (at_once == 1) {
                        static_cast<void>(pool.allocate(0L));
                    } else {
                        pool.allocate_n(batch, [](std::size_t) { return 0L; });
                    }
                });
                BOOST_TEST_REQUIRE(seen.code == fault_code::out_of_memory);
                BOOST_TEST_REQUIRE(pool.live() == before);
                was_refused = true;
                refuse_nothing(pool.backend());
            }
            BOOST_TEST_REQUIRE(pool.live() == live.size());
        }
        for (auto const& [object, value] : live) {
            BOOST_TEST_REQUIRE(*object == value);
            BOOST_TEST_REQUIRE(pool.owns(object));
        }
        for (auto const& [object, value] : live) pool.free(object);
        BOOST_TEST_REQUIRE(pool.available() == pool.capacity());
        if (!was_refused) {
            BOOST_TEST(n > 30u);  // a call per chunk, and those for the directory
            return;
        }
    }
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_backend_that_refuses_at_any_call_changes_nothing)
{
    refusals_lose_nothing<growing_pool<long, faulty>>(1);
    refusals_lose_nothing<growing_pool<long, slots::bitmap, faulty>>(1);
    refusals_lose_nothing<concurrent_pool<long, std::mutex, faulty>>(1);
    refusals_lose_nothing<growing_pool<long, sharing::local, faulty>>(1);
    refusals_lose_nothing<growing_pool<long, faulty>>(2);
    refusals_lose_nothing<growing_pool<long, slots::bitmap, faulty>>(2);
}

BOOST_AUTO_TEST_CASE(a_batch_that_the_maximum_has_no_room_for_does_not_grow_the_pool)
{
    growing_pool<int> pool{{.capacity = 10, .maximum = 50, .growth = growth::linear(5)}};
    std::vector<int*> few(4), many(47);
    pool.allocate_n(few);
    BOOST_TEST(!pool.try_allocate_n(many));
    BOOST_TEST(pool.capacity() == 10u);
    BOOST_TEST(pool.live() == 4u);
    many.resize(46);
    BOOST_TEST(pool.try_allocate_n(many));
    BOOST_TEST(pool.capacity() == 50u);
    BOOST_TEST(pool.live() == 50u);
}

BOOST_AUTO_TEST_CASE(what_a_pool_takes_of_its_backend_it_gives_back_by_the_same_layouts)
{
    test::backend_log log;
    {
        using logged = test::logged<backend::system>;
        growing_pool<long, logged> pool{{.capacity = 1, .growth = growth::linear(1), .alignment = 128}, logged{log}};
        std::vector<long*> all(100);
        pool.allocate_n(all);
        pool.free_n(all);
        BOOST_TEST(pool.shrink() > 0u);
        pool.allocate_n(all);
        BOOST_TEST(log.bytes_held() >= pool.stats().bytes);
        fixed_pool<long, logged, slots::bitmap, initialise::kept<>, diagnostics::checked> other{10, logged{log}};
    }
    BOOST_TEST(log.is_balanced());
}

// --- reserving and shrinking ---

BOOST_AUTO_TEST_CASE(what_was_reserved_is_served_without_asking_the_backend)
{
    growing_pool<int, faulty> pool{{.capacity = 10}};
    BOOST_TEST(pool.try_reserve(5));
    BOOST_TEST(pool.capacity() == 10u);
    BOOST_TEST(pool.try_reserve(1000));
    BOOST_TEST(pool.capacity() == 1000u);
    refuse_from(pool.backend(), 1);
    for (int i = 0; i < 1000; ++i) BOOST_TEST_REQUIRE(pool.try_allocate(i) != nullptr);
    BOOST_TEST(pool.try_allocate() == nullptr);
    BOOST_TEST(!pool.try_reserve(1001));
}

BOOST_AUTO_TEST_CASE(no_more_is_reserved_than_the_maximum)
{
    growing_pool<int> pool{{.capacity = 10, .maximum = 25, .growth = growth::none()}};
    BOOST_TEST(pool.try_reserve(20));  // who asks for it gets it, whatever growth says
    BOOST_TEST(!pool.try_reserve(26));
    BOOST_TEST(pool.capacity() <= 25u);
    BOOST_TEST(pool.try_reserve(25));
    BOOST_TEST(pool.capacity() == 25u);
}

BOOST_AUTO_TEST_CASE(shrinking_gives_back_the_chunks_that_are_empty_and_keeps_the_capacity)
{
    auto const shrinks = [](auto type) {
        using Pool = typename decltype(type)::type;
        test::backend_log log;
        Pool pool{{.capacity = 10, .growth = growth::linear(10)}, test::logged<backend::system>{log}};
        std::vector<int*> all(100);
        for (std::size_t i = 0; i < all.size(); ++i) all[i] = pool.allocate(int(i));
        BOOST_TEST(pool.shrink() == 0u);  // all are in use
        // The objects 30 to 39 hold their chunk, and so does one of 70 to 79.
        for (std::size_t i = 0; i < all.size(); ++i) {
            if (i / 10 != 3 && i != 74) pool.free(all[i]);
        }
        std::size_t const before = pool.stats().bytes;
        std::size_t const freed = pool.shrink();
        BOOST_TEST(pool.capacity() == 20u);
        BOOST_TEST(pool.stats().chunks == 2u);
        BOOST_TEST(pool.stats().bytes == before - freed);
        for (std::size_t i = 30; i < 40; ++i) BOOST_TEST(*all[i] == int(i));
        BOOST_TEST(*all[74] == 74);
        BOOST_TEST(pool.available() == 9u);
        BOOST_TEST(!pool.owns(all[0]));
        BOOST_TEST(pool.shrink() == 0u);

        // What is left serves, and the pool grows again.
        std::set<int*> const kept(all.begin() + 30, all.begin() + 40);
        std::set<int*> given;
        for (int i = 0; i < 50; ++i) {
            int* const object = pool.allocate(i);
            BOOST_TEST_REQUIRE(given.insert(object).second);
            BOOST_TEST_REQUIRE(!kept.contains(object));
            BOOST_TEST_REQUIRE(object != all[74]);
        }
        for (int* const object : given) pool.free(object);
        for (int* const object : kept) pool.free(object);
        pool.free(all[74]);
        static_cast<void>(pool.shrink());
        BOOST_TEST(pool.capacity() == 10u);  // as the configuration says
        BOOST_TEST(pool.live() == 0u);
        BOOST_TEST(pool.available() == 10u);
    };
    shrinks(std::type_identity<growing_pool<int, test::logged<backend::system>>>{});
    shrinks(std::type_identity<growing_pool<int, slots::bitmap, test::logged<backend::system>>>{});
    shrinks(std::type_identity<concurrent_pool<int, std::mutex, test::logged<backend::system>>>{});
    shrinks(std::type_identity<growing_pool<int, sharing::local, test::logged<backend::system>>>{});
    shrinks(std::type_identity<growing_pool<int, diagnostics::checked, test::logged<backend::system>>>{});
}

BOOST_AUTO_TEST_CASE(pools_that_grow_and_shrink_at_random_never_give_a_slot_twice)
{
    auto const churn = [](auto type) {
        using Pool = typename decltype(type)::type;
        for (unsigned seed = 1; seed <= 20; ++seed) {
            std::mt19937 random{seed};
            Pool pool{{.capacity = 1 + random() % 70, .growth = growth::linear(1 + random() % 70)}};
            std::map<long*, long> live;
            for (long step = 0; step < 2000; ++step) {
                // Long ascents and descents, so that chunks become empty.
                bool const up = step / 200 % 2 == 0;
                if (random() % 10 < (up ? 8u : 2u)) {
                    long* const object = pool.allocate(step);
                    BOOST_TEST_REQUIRE(live.emplace(object, step).second);
                } else if (!live.empty()) {
                    auto const which = std::next(live.begin(), long(random() % live.size()));
                    BOOST_TEST_REQUIRE(*which->first == which->second);
                    pool.free(which->first);
                    live.erase(which);
                }
                if (random() % 50 == 0) static_cast<void>(pool.shrink());
                BOOST_TEST_REQUIRE(pool.live() == live.size());
                BOOST_TEST_REQUIRE(pool.available() == pool.capacity() - live.size());
            }
            for (auto const& [object, value] : live) {
                BOOST_TEST_REQUIRE(*object == value);
                pool.free(object);
            }
        }
    };
    churn(std::type_identity<growing_pool<long>>{});
    churn(std::type_identity<growing_pool<long, slots::bitmap>>{});
    churn(std::type_identity<growing_pool<long, sharing::atomic, diagnostics::checked>>{});
}

BOOST_AUTO_TEST_CASE(growths_are_counted_when_something_came_of_them)
{
    growing_pool<int, diagnostics::counters, faulty> pool{{.capacity = 1, .growth = growth::linear(1)}};
    for (int i = 0; i < 20; ++i) static_cast<void>(pool.allocate(i));
    BOOST_TEST(pool.stats().growths == 19u);
    refuse_from(pool.backend(), 1);
    BOOST_TEST(pool.try_allocate(0) == nullptr);
    object_pool_stats const s = pool.stats();
    BOOST_TEST(s.growths == 19u);
    BOOST_TEST(s.failures == 1u);
    BOOST_TEST(s.allocations == 20u);
    BOOST_TEST(s.peak == 20u);
    BOOST_TEST(s.chunks == 20u);
}

BOOST_AUTO_TEST_SUITE_END()
