// SPDX-License-Identifier: MIT OR Apache-2.0
#include "support/tags.hpp"

#include "support/faults.hpp"
#include "support/process.hpp"

#include <framealloc/diagnostics/counters.hpp>

#include <optional>
#include <string>

// Under which tag a thread allocates.

using namespace framealloc;
using namespace framealloc::test;

namespace {

constexpr layout small{.bytes = 64, .align = 16};

template <class Alloc>
using scope_of = tag_scope<typename Alloc::assembly_type>;

// With another budget a scope is nothing.
static_assert(std::is_empty_v<scope_of<smart_alloc>>);
static_assert(sizeof(scope_of<tagged<>>) <= 2 * sizeof(void*));
static_assert(!std::is_copy_constructible_v<scope_of<tagged<>>> && !std::is_copy_constructible_v<scope_of<smart_alloc>>);

}  // namespace

BOOST_AUTO_TEST_SUITE(tag_scopes)

BOOST_AUTO_TEST_CASE_TEMPLATE(the_innermost_scope_counts_for_every_intent, Sync, every_sync)
{
    tagged<Sync> alloc;
    auto budgets = alloc.budgets();
    std::string const untagged = budgets.current();
    BOOST_TEST(untagged == "(untagged)");
    alloc.begin_frame();
    {
        auto const outer = alloc.tag_scope(world);
        BOOST_TEST(std::string{budgets.current()} == "world");
        static_cast<void>(alloc.frame_alloc(layout{.bytes = 100, .align = 16}));
        {
            auto const inner = alloc.tag_scope(contacts);
            BOOST_TEST(std::string{budgets.current()} == "world/physics/contacts");
            static_cast<void>(alloc.frame_alloc(layout{.bytes = 200, .align = 16}));
            void* const p = alloc.pool_alloc(small);
            void* const h = alloc.heap_alloc(layout{.bytes = 333, .align = 16});
            BOOST_TEST(budgets.usage(contacts).frame_bytes == 208u);
            BOOST_TEST(budgets.usage(contacts).pool_bytes == 64u);
            BOOST_TEST(budgets.usage(contacts).heap_bytes == 333u);
            BOOST_TEST(budgets.usage(physics).total_bytes == 605u);
            BOOST_TEST(budgets.usage(physics).own_bytes() == 0u);
            BOOST_TEST(budgets.total().total_bytes == 717u);
            alloc.pool_free(p);
            alloc.heap_free(h);
        }
        BOOST_TEST(std::string{budgets.current()} == "world");
        static_cast<void>(alloc.frame_alloc(layout{.bytes = 16, .align = 16}));
        BOOST_TEST(budgets.usage(world).frame_bytes == 128u);
        BOOST_TEST(budgets.usage(world).total_bytes == 336u);
    }
    BOOST_TEST(std::string{budgets.current()} == "(untagged)");
    alloc.end_frame();
    BOOST_TEST(budgets.total().total_bytes == 0u);
    BOOST_TEST(bool(alloc.verify()));
}

BOOST_AUTO_TEST_CASE(the_handle_makes_scopes_too)
{
    tagged<> alloc;
    auto ref = alloc.ref();
    auto const scope = ref.tag_scope(sound);
    BOOST_TEST(std::string{alloc.budgets().current()} == "sound");
}

BOOST_AUTO_TEST_CASE(with_tag_answers_what_its_function_does)
{
    tagged<> alloc;
    int value = 7;
    int& same = alloc.with_tag(world, [&]() -> int& {
        BOOST_TEST(std::string{alloc.budgets().current()} == "world");
        return value;
    });
    BOOST_TEST(&same == &value);
    BOOST_TEST(*alloc.with_tag(sound, [] { return std::make_unique<int>(3); }) == 3);
    static_assert(std::is_void_v<decltype(alloc.with_tag(world, [] {}))>);
    alloc.with_tag(world, [] {});
    BOOST_TEST(std::string{alloc.budgets().current()} == "(untagged)");
    // Written once, it works with every budget.
    smart_alloc plain;
    BOOST_TEST(plain.with_tag(world, [] { return 5; }) == 5);
}

#if FRAMEALLOC_EXCEPTIONS
BOOST_AUTO_TEST_CASE(with_tag_ends_its_tag_when_the_function_throws)
{
    tagged<> alloc;
    BOOST_CHECK_THROW(alloc.with_tag(world, [] { throw 1; }), int);
    BOOST_TEST(std::string{alloc.budgets().current()} == "(untagged)");
}
#endif

BOOST_AUTO_TEST_CASE(scopes_left_out_of_order_are_reported_once_and_all_from_the_outer_one_on_have_ended)
{
    tagged<> alloc;
    fault_recorder faults;
    std::optional<scope_of<tagged<>>> outer, middle, inner;
    outer.emplace(alloc.shared(), world);
    middle.emplace(alloc.shared(), physics);
    inner.emplace(alloc.shared(), sound);
    middle.reset();
    BOOST_TEST(faults.count() == 1u);
    BOOST_TEST(faults.last() == fault_code::tag_scope_out_of_order);
    BOOST_TEST(faults.last_text().find("scope 2 of thread ") != std::string::npos);
    BOOST_TEST(faults.last_text().find("was left while scope 3 is open: all from it on end") != std::string::npos);
    BOOST_TEST(std::string{alloc.budgets().current()} == "world");
    inner.reset();
    BOOST_TEST(faults.count() == 1u);
    BOOST_TEST(std::string{alloc.budgets().current()} == "world");
    outer.reset();
    BOOST_TEST(faults.count() == 1u);
    BOOST_TEST(std::string{alloc.budgets().current()} == "(untagged)");
}

BOOST_AUTO_TEST_CASE(with_checks_a_scope_out_of_order_stops_the_program)
{
    tagged<diagnostics::checked> alloc;
    fault_recorder faults;
    std::optional<scope_of<tagged<diagnostics::checked>>> outer, inner;
    outer.emplace(alloc.shared(), world);
    inner.emplace(alloc.shared(), physics);
    outer.reset();
    BOOST_TEST(faults.last_would_stop());
    inner.reset();
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_scope_left_on_another_thread_is_reported_and_goes_on, Sync, syncs_with_threads)
{
    tagged<Sync> alloc;
    fault_recorder faults;
    std::optional<scope_of<tagged<Sync>>> scope;
    scope.emplace(alloc.shared(), world);
    on_a_thread([&] {
        static_cast<void>(alloc.attach_thread());
        scope.reset();
    });
    BOOST_TEST(faults.count() == 1u);
    BOOST_TEST(faults.last() == fault_code::tag_scope_out_of_order);
    BOOST_TEST(faults.last_text().find("scope 1 of one thread was left on thread ") != std::string::npos);
    BOOST_TEST(std::string{alloc.budgets().current()} == "world");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(each_thread_has_a_tag_of_its_own_and_a_new_one_begins_with_none, Sync, syncs_with_threads)
{
    tagged<Sync> alloc;
    auto const scope = alloc.tag_scope(world);
    for (int round = 0; round < 2; ++round) {  // the second thread adopts what the first has left
        on_a_thread([&] {
            BOOST_TEST(std::string{alloc.budgets().current()} == "(untagged)");
            {
                auto const own = alloc.tag_scope(sound);
                void* const p = alloc.pool_alloc(small);
                BOOST_TEST(alloc.budgets().usage(sound).pool_bytes == 64u);
                BOOST_TEST(alloc.budgets().usage(world).pool_bytes == 0u);
                alloc.pool_free(p, small);
            }
            // The thread ends while a scope is open, which nothing is left of.
            alignas(scope_of<tagged<Sync>>) static unsigned char place[sizeof(scope_of<tagged<Sync>>)];
            ::new (place) scope_of<tagged<Sync>>(alloc.shared(), ui);
        });
    }
    BOOST_TEST(std::string{alloc.budgets().current()} == "world");
    BOOST_TEST(alloc.budgets().total().credited_bytes == 0u);
    BOOST_TEST(bool(alloc.verify()));
}

BOOST_AUTO_TEST_CASE(instances_beyond_the_slots_charge_tags_too)
{
    std::vector<std::unique_ptr<tagged<>>> all;
    for (int i = 0; i < 20; ++i) {
        all.push_back(std::make_unique<tagged<>>());
        auto& alloc = *all.back();
        alloc.begin_frame();
        auto const scope = alloc.tag_scope(world);
        static_cast<void>(alloc.frame_alloc(layout{.bytes = 100, .align = 16}));
        void* const p = alloc.pool_alloc(small);
        void* const q = alloc.pool_alloc(small);
        alloc.pool_free(p);
        alloc.pool_free(q, small);
        BOOST_TEST(p != q);
        static_cast<void>(alloc.pool_alloc(small));
    }
    for (auto const& alloc : all) {
        BOOST_TEST(alloc->budgets().usage(world).frame_bytes == 112u);
        BOOST_TEST(alloc->budgets().usage(world).pool_bytes == 64u);
        BOOST_TEST(alloc->budgets().total().total_bytes == 176u);
        BOOST_TEST(bool(alloc->verify()));
        alloc->end_frame();
        BOOST_TEST(alloc->budgets().usage(world).frame_bytes == 0u);
    }
}

BOOST_AUTO_TEST_SUITE_END()
