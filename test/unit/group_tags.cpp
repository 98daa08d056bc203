// SPDX-License-Identifier: MIT OR Apache-2.0
#include "support/test.hpp"

#include "support/failing.hpp"
#include "support/faults.hpp"
#include "support/tags.hpp"

#include <framealloc/budget/global.hpp>
#include <framealloc/group/group.hpp>

#include <string>
#include <thread>
#include <vector>

using namespace framealloc;
using namespace framealloc::test;

// A group's memory is charged where it is taken: to the tag under which the request was made that a block was taken for.

namespace {

template <class Alloc>
std::size_t bytes_of(Alloc& alloc, allocation_tag const& tag)
{
    return alloc.budgets().usage(tag).heap_bytes;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(groups_and_tags)

BOOST_AUTO_TEST_CASE_TEMPLATE(each_block_is_charged_to_the_tag_under_which_it_was_taken_and_credited_to_it, Sync, every_sync)
{
    tagged<Sync> alloc;
    for (bool const shared : {false, true}) {
        auto level = alloc.with_tag(ui, [&] { return alloc.groups().create("level_1", {.shared = shared}); });
        BOOST_TEST(bytes_of(alloc, ui) == 0u);  // nothing has been taken yet
        {
            auto const tag = alloc.tag_scope(world);
            level.template make<int>(1);
            BOOST_TEST(bytes_of(alloc, world) == level.stats().reserved_bytes);
        }
        std::size_t const of_world = bytes_of(alloc, world);
        {
            auto const tag = alloc.tag_scope(sound);
            level.template make<int>(2);  // there is room: it stays the world's block
            BOOST_TEST(bytes_of(alloc, sound) == 0u);
            static_cast<void>(level.alloc({.bytes = 1_MiB, .align = 16}));
            BOOST_TEST(bytes_of(alloc, sound) == 1_MiB);
        }
        BOOST_TEST(bytes_of(alloc, world) == of_world);
        BOOST_TEST(alloc.budgets().total().heap_bytes + alloc.budgets().usage(world).total_bytes +
                       alloc.budgets().usage(sound).total_bytes == level.stats().reserved_bytes);
        auto const tag = alloc.tag_scope(ui);  // under which it is freed does not matter
        if constexpr (!Sync::one_thread) {
            std::thread{[&] { level.free(); }}.join();
        } else {
            level.free();
        }
        BOOST_TEST(bytes_of(alloc, world) == 0u);
        BOOST_TEST(bytes_of(alloc, sound) == 0u);
        BOOST_TEST(bytes_of(alloc, ui) == 0u);
    }
    BOOST_TEST(bool(alloc.verify()));
}

BOOST_AUTO_TEST_CASE(a_limit_refuses_and_the_group_is_as_it_was)
{
    tagged<> alloc;
    alloc.budgets().set(world, {.hard = 64_KiB});
    for (bool const shared : {false, true}) {
        auto level = alloc.groups().create("level_1", {.shared = shared});
        auto const tag = alloc.tag_scope(world);
        std::size_t made = 0;
        while (level.try_make<std::size_t>(made) != nullptr) ++made;
        // Towards the limit blocks become no larger than they must be, so that it is used to the last.
        BOOST_TEST(made * 16 >= 56_KiB);
        BOOST_TEST(bytes_of(alloc, world) <= 64_KiB);
        group_stats const before = level.stats();
        BOOST_TEST(before.objects == made);
        auto const refused = how_it_fails([&] { level.make<std::size_t>(0u); });
        BOOST_TEST(refused.code == fault_code::tag_budget_exceeded);
        BOOST_TEST(refused.says("tag \"world\""));
        BOOST_TEST(how_it_fails([&] { static_cast<void>(level.alloc({.bytes = 1_MiB})); }).code ==
                   fault_code::tag_budget_exceeded);
        group_stats const after = level.stats();
        BOOST_TEST(after.objects == before.objects);
        BOOST_TEST(after.bytes == before.bytes);
        BOOST_TEST(after.reserved_bytes == before.reserved_bytes);
        level.free();
        BOOST_TEST(bytes_of(alloc, world) == 0u);
    }
    BOOST_TEST(bool(alloc.verify()));
}

BOOST_AUTO_TEST_CASE(a_listener_may_use_the_group_that_asks)
{
    for (bool const shared : {false, true}) {
        tagged<> alloc;
        alloc.budgets().set(world, {.soft = 2_KiB, .hard = 32_KiB, .at_hard = limit_action::ask});
        recording_listener listener;
        alloc.budgets().set_listener(&listener);
        auto level = alloc.groups().create("level_1", {.shared = shared});
        auto other = alloc.groups().create("other");
        static_cast<void>(alloc.with_tag(world, [&] { return other.alloc({.bytes = 20_KiB}); }));
        std::vector<std::string*> made;
        bool inside = false;
        auto const use = [&](budget_event const&) {
            if (std::exchange(inside, true)) return;
            // In the very group, before the block has come for which the budget was asked, and more than fits into one. Who is
            // asked is not asked again meanwhile: what does not fit then is refused.
            for (int i = 0; i < 300; ++i) {
                auto* const s = level.try_make<std::string>(std::size_t{30}, 'l');
                if (s == nullptr) break;
                made.push_back(s);
            }
            inside = false;
        };
        listener.reaction = use;
        listener.decision = [&](budget_event const&) {
            if (!other) return limit_decision::allow;
            other.free();
            return limit_decision::retry;
        };
        auto const tag = alloc.tag_scope(world);
        std::vector<std::size_t*> mine;
        for (std::size_t i = 0; i < 3000; ++i) mine.push_back(level.make<std::size_t>(i));
        BOOST_TEST(!made.empty());
        BOOST_TEST(!other);
        bool whole = true;
        for (std::size_t i = 0; i < 3000; ++i) whole = whole && *mine[i] == i;
        for (std::string const* const s : made) whole = whole && *s == std::string(30, 'l');
        BOOST_TEST(whole);
        BOOST_TEST(level.stats().objects == mine.size() + made.size());
        level.free();
        BOOST_TEST(alloc.budgets().total().total_bytes == 0u);
        BOOST_TEST(alloc.stats().heap_bytes_live == 0u);
        alloc.budgets().set_listener(nullptr);
    }
}

BOOST_AUTO_TEST_CASE(a_listener_may_free_the_group_that_asks)
{
    for (bool const shared : {false, true}) {
        for (std::size_t const bytes : {std::size_t{100}, std::size_t{1_MiB}}) {
            tagged<> alloc;
            alloc.budgets().set(world, {.soft = 1_KiB});
            recording_listener listener;
            auto level = alloc.groups().create("level_1", {.shared = shared});
            group_of<tagged<>> next;
            listener.reaction = [&](budget_event const&) {
                if (!level) return;
                level.free();
                next = alloc.groups().create("level_1");  // where the other one was
            };
            alloc.budgets().set_listener(&listener);
            auto const tag = alloc.tag_scope(world);
            fault_recorder const faults;
            BOOST_TEST(level.try_alloc({.bytes = bytes}) == nullptr);
            BOOST_TEST(faults.last() == fault_code::group_not_live);
            BOOST_TEST(next.stats().reserved_bytes == 0u);
            BOOST_TEST(alloc.stats().heap_bytes_live == 0u);
            BOOST_TEST(next.alloc({.bytes = bytes}) != nullptr);
            alloc.budgets().set_listener(nullptr);
        }
    }
}

#if FRAMEALLOC_EXCEPTIONS
BOOST_AUTO_TEST_CASE(a_listener_that_throws_leaves_the_group_as_it_was)
{
    for (bool const shared : {false, true}) {
        tagged<> alloc;
        alloc.budgets().set(world, {.soft = 1_KiB});
        recording_listener listener;
        listener.reaction = [](budget_event const&) { throw 5; };
        auto level = alloc.groups().create("level_1", {.shared = shared});
        auto const tag = alloc.tag_scope(world);
        alloc.budgets().set_listener(&listener);
        BOOST_TEST(level.try_alloc({.bytes = 1_MiB}) == nullptr);
        alloc.budgets().set_listener(nullptr);
        BOOST_TEST(level.stats().reserved_bytes == 0u);
        BOOST_TEST(*level.make<int>(3) == 3);
    }
}
#endif

BOOST_AUTO_TEST_CASE(a_global_budget_refuses_what_passes_it)
{
    basic_smart_alloc<budget::global> alloc{budget::global{2_MiB}, alloc_config{.heap_cache_bytes = 0}};
    auto level = alloc.groups().create("level_1");
    std::size_t blocks = 0;
    while (level.try_alloc({.bytes = 1000}) != nullptr) ++blocks;
    BOOST_TEST(blocks > 1000u);
    BOOST_TEST(alloc.budget().used_bytes() <= 2_MiB);
    BOOST_TEST(how_it_fails([&] { static_cast<void>(level.alloc({.bytes = 1000})); }).code ==
               fault_code::budget_exceeded);
    level.free();
    BOOST_TEST(alloc.groups().create("level_2").alloc({.bytes = 1_MiB}) != nullptr);
}

BOOST_AUTO_TEST_SUITE_END()
