// SPDX-License-Identifier: MIT OR Apache-2.0
#include "support/test.hpp"

#include "support/failing.hpp"
#include "support/faults.hpp"
#include "support/tags.hpp"

#include <framealloc/arena/fixed.hpp>
#include <framealloc/arena/virtual_memory.hpp>
#include <framealloc/budget/global.hpp>
#include <framealloc/scratch/scratch_arena.hpp>

#include <tuple>

using namespace framealloc;
using namespace framealloc::test;

// A scratch arena is charged to the tag that it was made under, whoever makes it grow.

namespace {

template <class Alloc>
std::size_t bytes_of(Alloc& alloc, allocation_tag const& tag)
{
    return alloc.budgets().usage(tag).heap_bytes;
}

using every_arena = std::tuple<arena::chunked<>, arena::fixed<1 << 20>, arena::virtual_memory<(1 << 24)>>;

}  // namespace

BOOST_AUTO_TEST_SUITE(scratch_arenas_and_tags)

BOOST_AUTO_TEST_CASE_TEMPLATE(all_its_memory_is_charged_to_the_tag_that_it_was_made_under, Arena, every_arena)
{
    tagged<> alloc;
    auto const outer = alloc.tag_scope(world);
    scratch_arena_of<tagged<>, Arena> scratch{alloc, "parser"};
    BOOST_TEST(bytes_of(alloc, world) == 0u);
    {
        auto const inner = alloc.tag_scope(ui);
        for (int round = 0; round < 3; ++round) {
            static_cast<void>(scratch.template make_array<char>(1000));
            static_cast<void>(scratch.template make_array<char>(500'000));
            BOOST_TEST(bytes_of(alloc, ui) == 0u);
            BOOST_TEST(bytes_of(alloc, world) == scratch.stats().reserved_bytes);
            BOOST_TEST(bool(alloc.verify()));
            scratch.reset();  // stays the arena's, and charged
            BOOST_TEST(bytes_of(alloc, world) == scratch.stats().reserved_bytes);
        }
        scratch.release();
        BOOST_TEST(bytes_of(alloc, world) == 0u);
        static_cast<void>(scratch.template make_array<char>(1000));
        BOOST_TEST(bytes_of(alloc, world) > 0u);
    }
    scratch.release();
    BOOST_TEST(bytes_of(alloc, world) == 0u);
    BOOST_TEST(bool(alloc.verify()));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_limit_refuses_and_the_arena_is_as_it_was, Arena, every_arena)
{
    tagged<> alloc;
    alloc.budgets().set(world, {.hard = 256_KiB});
    {
        auto const tag = alloc.tag_scope(world);
        scratch_arena_of<tagged<>, Arena> scratch{alloc, "parser"};
        while (scratch.try_alloc({.bytes = 1000}) != nullptr) {}
        scratch_stats const before = scratch.stats();
        BOOST_TEST(bytes_of(alloc, world) == before.reserved_bytes);
        BOOST_TEST(before.reserved_bytes <= 256_KiB);
        auto const seen = how_it_fails([&] { static_cast<void>(scratch.alloc({.bytes = 600'000})); });
        BOOST_TEST(seen.code == fault_code::tag_budget_exceeded);
        BOOST_TEST(seen.says("world"));
        BOOST_TEST(scratch.stats().used_bytes == before.used_bytes);
        BOOST_TEST(scratch.stats().reserved_bytes == before.reserved_bytes);
        alloc.budgets().set(world, {});
        BOOST_TEST(scratch.try_alloc({.bytes = 600'000}) != nullptr);
    }
    BOOST_TEST(bytes_of(alloc, world) == 0u);
    BOOST_TEST(bool(alloc.verify()));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_listener_that_uses_the_arena_that_grows_is_refused_and_the_arena_grows, Arena, every_arena)
{
    using alloc_type = tagged<>;
    using arena_type = scratch_arena_of<alloc_type, Arena>;
    struct meddler : budget_listener {
        arena_type* arena = nullptr;
        int events = 0, refused = 0;
        void on_event(budget_event const&) override {
            if (arena == nullptr) return;
            ++events;
            refused += arena->try_alloc({.bytes = 16}) == nullptr;
            refused += !arena->reset();
            auto const scope = arena->scope();
            refused += arena->trim() == 0;
        }
    } listener;
    alloc_type alloc;
    alloc.budgets().set_listener(&listener);
    alloc.budgets().set(world, {.soft = 1_KiB});
    auto const tag = alloc.tag_scope(world);
    arena_type scratch{alloc, "parser"};
    listener.arena = &scratch;
    fault_recorder const faults;
    BOOST_TEST(scratch.template make<int>(1) != nullptr);
    static_cast<void>(scratch.template make_array<char>(100'000));
    BOOST_TEST(listener.events >= 1);
    BOOST_TEST(listener.refused == 3 * listener.events);
    for (fault_code const code : faults.codes()) BOOST_TEST(code == fault_code::scratch_not_usable);
    BOOST_TEST(scratch.stats().used_bytes == 100'000u + 16);
    listener.arena = nullptr;
}

BOOST_AUTO_TEST_CASE(the_limit_of_all_refuses_too)
{
    basic_smart_alloc<budget::global> alloc{alloc_config{}, budget::global{2_MiB}};
    scratch_arena scratch{alloc, "parser"};
    while (scratch.try_alloc({.bytes = 1000}) != nullptr) {}
    auto const seen = how_it_fails([&] { static_cast<void>(scratch.alloc({.bytes = 4_MiB})); });
    BOOST_TEST(seen.code == fault_code::budget_exceeded);
    BOOST_TEST(scratch.reset());
    BOOST_TEST(scratch.try_alloc({.bytes = 1000}) != nullptr);
}

BOOST_AUTO_TEST_SUITE_END()
