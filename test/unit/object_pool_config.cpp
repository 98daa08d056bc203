// SPDX-License-Identifier: MIT OR Apache-2.0
#include "support/test.hpp"

#include "support/child.hpp"

#include <framealloc/object_pool/concurrent_pool.hpp>
#include <framealloc/object_pool/fixed_pool.hpp>
#include <framealloc/object_pool/growing_pool.hpp>
#include <framealloc/object_pool/lock_free_pool.hpp>
#include <framealloc/object_pool/static_pool.hpp>

#include <functional>
#include <limits>
#include <string>

using namespace framealloc;

namespace {

constexpr std::size_t most = object_pool_config::most_slots;
constexpr double infinite = std::numeric_limits<double>::infinity();

/// What a pool of this type says of the configuration; empty where it takes it.
template <class Pool>
std::string complaint(object_pool_config const& config)
{
#if FRAMEALLOC_EXCEPTIONS
    try {
        Pool pool{config};
    } catch (configuration_error const& e) {
        return e.what();
    }
    return {};
#else
    test::child_result const child = test::run_in_child([&] {
        set_fault_handler(nullptr);
        Pool pool{config};
        return 0;
    });
    return child.aborted() ? child.error_text : std::string{};
#endif
}

std::size_t wrong_fields(std::string const& text)
{
    std::size_t n = 0;
    for (std::size_t at = 0; (at = text.find("wrong: ", at)) != std::string::npos; ++at) ++n;
    return n;
}

/// The pool refuses the configuration for one reason, and says it in these words.
template <class Pool>
void refuses(object_pool_config const& config, std::string const& words)
{
    std::string const text = complaint<Pool>(config);
    BOOST_TEST(text.find(words) != std::string::npos, '"' + words + "\" is not in: " + text);
    BOOST_TEST(wrong_fields(text) == 1u, text);
    BOOST_TEST(text.find("FA902") != std::string::npos, text);
}
template <class Pool>
void takes(object_pool_config const& config)
{
    BOOST_TEST(complaint<Pool>(config) == "");
}

using fixed = fixed_pool<long>;
using growing = growing_pool<long>;
using keeping = fixed_pool<long, initialise::kept<>>;

}  // namespace

BOOST_AUTO_TEST_SUITE(object_pool_configuration)

BOOST_AUTO_TEST_CASE(a_capacity_out_of_range_is_refused)
{
    refuses<fixed>({.capacity = 0}, "capacity is 0; expected 1 to 4294967294");
    refuses<growing>({.capacity = 0}, "capacity is 0; expected 1 to 4294967294");
    refuses<lock_free_pool<long>>({.capacity = 0}, "capacity is 0");
    refuses<concurrent_pool<long>>({.capacity = 0}, "capacity is 0");
    takes<fixed>({.capacity = 1});
}

BOOST_AUTO_TEST_CASE(a_capacity_of_more_slots_or_bytes_than_there_can_be_is_refused)
{
    for (std::size_t const capacity : {most + 1, std::size_t{SIZE_MAX}}) {
        std::string const text = complaint<fixed>({.capacity = capacity});
        BOOST_TEST(text.find("capacity is " + std::to_string(capacity)) != std::string::npos, text);
    }
    struct vast {
        unsigned char bytes[std::size_t{1} << 40];
    };
    std::string const text = complaint<fixed_pool<vast>>({.capacity = most});
    BOOST_TEST(text.find("4294967294 slots of ") != std::string::npos, text);
    BOOST_TEST(text.find("come to more than") != std::string::npos, text);
    // An alignment counts as well.
    BOOST_TEST(wrong_fields(complaint<fixed_pool<vast>>({.capacity = most, .alignment = max_alignment})) == 1u);
}

BOOST_AUTO_TEST_CASE(a_maximum_below_the_capacity_or_beyond_all_bounds_is_refused)
{
    refuses<growing>({.capacity = 100, .maximum = 99}, "maximum is 99; expected 0, or at least the capacity, 100");
    refuses<growing>({.capacity = 100, .maximum = most + 1}, "maximum is 4294967295; expected at most 4294967294");
    refuses<fixed>({.capacity = 100, .maximum = 101}, "maximum is 101; expected 0 or the capacity, 100, of a pool that does not grow");
    refuses<fixed>({.capacity = 100, .maximum = 99}, "maximum is 99");
    takes<growing>({.capacity = 100, .maximum = 100});
    takes<fixed>({.capacity = 100, .maximum = 100});
    takes<growing>({.capacity = 100, .maximum = most});
}

BOOST_AUTO_TEST_CASE(growth_that_does_not_grow_is_refused)
{
    refuses<growing>({.growth = growth::linear(0)}, "growth is linear(0); expected at least 1");
    for (double const factor : {1.0, 0.5, 0.0, -3.0, -infinite, infinite, std::numeric_limits<double>::quiet_NaN()}) {
        refuses<growing>({.growth = growth::exponential(factor)}, "expected a finite factor of more than 1");
    }
    refuses<growing>({.growth = growth::exponential(-3)}, "growth is exponential(-3)");
    refuses<growing>({.growth = growth::custom(nullptr)}, "growth is custom of nothing");
    takes<growing>({.growth = growth::exponential(1.0000001)});
    takes<growing>({.growth = growth::linear(1)});
    takes<growing>({.growth = growth::none()});
}

BOOST_AUTO_TEST_CASE(an_alignment_that_is_no_power_of_two_or_too_large_is_refused)
{
    for (std::size_t const align : {std::size_t{3}, std::size_t{24}, max_alignment + 1, 2 * max_alignment, std::size_t{SIZE_MAX}}) {
        refuses<fixed>({.alignment = align}, "alignment is " + std::to_string(align) + "; expected 0, or a power of two up to " +
                                                 std::to_string(max_alignment));
    }
    takes<fixed>({.alignment = 1});
    takes<fixed>({.alignment = max_alignment});
}

BOOST_AUTO_TEST_CASE(eager_objects_are_refused_by_a_pool_that_keeps_none)
{
    refuses<fixed>({.initialisation = initialisation::eager}, "initialisation is eager; expected lazy");
    takes<keeping>({.initialisation = initialisation::eager});
}

BOOST_AUTO_TEST_CASE(all_that_is_wrong_is_said_at_once)
{
    std::string const text = complaint<growing>({.capacity = 0,
                                                 .maximum = most + 7,
                                                 .growth = growth::exponential(-3),
                                                 .alignment = 3,
                                                 .initialisation = initialisation::eager});
    BOOST_TEST(text.find("5 fields") != std::string::npos, text);
    for (char const* const words : {"capacity is 0", "maximum is 4294967301", "growth is exponential(-3)", "alignment is 3",
                                    "initialisation is eager"}) {
        BOOST_TEST(text.find(words) != std::string::npos, words);
    }
    BOOST_TEST(wrong_fields(text) == 5u, text);
}

BOOST_AUTO_TEST_CASE(a_configuration_can_be_checked_before_there_is_a_pool)
{
#if FRAMEALLOC_EXCEPTIONS
    BOOST_CHECK_THROW(fixed::check({.capacity = 0}), configuration_error);
    BOOST_CHECK_THROW(fixed::check({.capacity = 1, .maximum = 2}), configuration_error);
#endif
    fixed::check({.capacity = 1});
    growing::check({.capacity = 1, .maximum = 2});
}

BOOST_AUTO_TEST_CASE(the_builder_makes_the_same_as_the_struct)
{
    object_pool_config const built = object_pool_builder{}
                                         .capacity(10)
                                         .maximum(20)
                                         .growth(growth::linear(3))
                                         .alignment(64)
                                         .initialisation(initialisation::eager)
                                         .name("built")
                                         .build();
    object_pool_config const written{.capacity = 10,
                                     .maximum = 20,
                                     .growth = growth::linear(3),
                                     .alignment = 64,
                                     .initialisation = initialisation::eager,
                                     .name = "built"};
    BOOST_TEST(built.capacity == written.capacity);
    BOOST_TEST(built.maximum == written.maximum);
    BOOST_TEST((built.growth.which() == written.growth.which()));
    BOOST_TEST(built.growth.slots() == written.growth.slots());
    BOOST_TEST(built.alignment == written.alignment);
    BOOST_TEST((built.initialisation == written.initialisation));
    BOOST_TEST(built.name == written.name);
    object_pool_config const untouched = object_pool_builder{}.build(), plain;
    BOOST_TEST(untouched.capacity == plain.capacity);
    BOOST_TEST(untouched.maximum == plain.maximum);
    BOOST_TEST(untouched.growth.factor() == plain.growth.factor());
}

BOOST_AUTO_TEST_CASE(each_field_is_seen_in_the_pool)
{
    static int made = 0;
    struct counts_itself {
        counts_itself() { ++made; }
        unsigned char value = 7;
    };
    using pool_type = growing_pool<counts_itself, initialise::kept<>>;
    made = 0;
    pool_type pool{{.capacity = 6,
                    .maximum = 10,
                    .growth = growth::linear(3),
                    .alignment = 64,
                    .initialisation = initialisation::eager,
                    .name = "six"}};
    BOOST_TEST(pool.capacity() == 6u);
    BOOST_TEST(pool.maximum() == 10u);
    BOOST_TEST(pool.slot_bytes() == 64u);
    BOOST_TEST(made == 6);
    BOOST_TEST(std::string{pool.stats().name} == "six");
    BOOST_TEST(pool.config().capacity == 6u);
    for (int i = 0; i < 7; ++i) BOOST_TEST(reinterpret_cast<std::uintptr_t>(pool.allocate()) % 64 == 0u);
    BOOST_TEST(pool.capacity() == 9u);
    BOOST_TEST(made == 9);
    for (int i = 7; i < 10; ++i) static_cast<void>(pool.allocate());
    BOOST_TEST(pool.capacity() == 10u);
    BOOST_TEST(pool.try_allocate() == nullptr);
}

BOOST_AUTO_TEST_CASE(without_a_configuration_there_are_64_slots_and_no_bound_but_the_most)
{
    fixed one;
    BOOST_TEST(one.capacity() == 64u);
    BOOST_TEST(one.maximum() == 64u);
    growing two;
    BOOST_TEST(two.capacity() == 64u);
    BOOST_TEST(two.maximum() == most);
    static_pool<int, 3> three;
    BOOST_TEST(three.config().capacity == 3u);
}

BOOST_AUTO_TEST_SUITE_END()
