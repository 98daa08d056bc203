// SPDX-License-Identifier: MIT OR Apache-2.0
#include "support/test.hpp"

#include "support/failing.hpp"
#include "support/faults.hpp"
#include "support/promoted.hpp"

#include <framealloc/arena/in_flight.hpp>
#include <framealloc/backend/static_buffer.hpp>
#include <framealloc/budget/per_tag.hpp>
#include <framealloc/diagnostics/counters.hpp>
#include <framealloc/group/group.hpp>
#include <framealloc/promotion/promote.hpp>
#include <framealloc/promotion/retained.hpp>
#include <framealloc/smart_alloc_guarded.hpp>
#include <framealloc/sync/mutex.hpp>
#include <framealloc/tag_budgets.hpp>

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <tuple>
#include <vector>

// What is promoted out of a frame lives on in its new home, and the frame has nothing more to do with it.

using namespace framealloc;
using namespace framealloc::test;

namespace {

using counted = basic_smart_alloc<diagnostics::counters>;
using every_assembly =
    std::tuple<smart_alloc, smart_alloc_debug, smart_alloc_single_threaded, smart_alloc_guarded, counted,
               basic_smart_alloc<sync::mutex<std::mutex>>, basic_smart_alloc<budget::per_tag, diagnostics::checked>,
               basic_smart_alloc<arena::in_flight<2, arena::chunked<>>>>;

struct alignas(256) wide {
    std::uint64_t number;
    ~wide() { number = 0; }
};

template <class Alloc>
std::unique_ptr<Alloc> made() {
    return std::make_unique<Alloc>();
}

}  // namespace

BOOST_AUTO_TEST_SUITE(promotion)

BOOST_AUTO_TEST_CASE_TEMPLATE(an_object_is_moved_once_and_destroyed_once, Alloc, every_assembly)
{
    using object = traveller<1>;
    auto const owner = made<Alloc>();
    Alloc& alloc = *owner;
    auto level = alloc.groups().create("level");
    {
        alloc.begin_frame();
        auto* const a = alloc.template frame_new<object>(11);
        auto* const b = alloc.template frame_new<object>(12);
        auto* const c = alloc.template frame_new<object>(13);
        auto* const stays = alloc.template frame_new<object>(14);
        BOOST_TEST(object::alive == 4);
        int const moves = object::moves;

        auto const in_pool = promote_to_pool(alloc, a);
        auto const in_heap = promote_to_heap(alloc, b);
        object* const in_group = promote_to_group(alloc, level, c);
        BOOST_TEST(object::moves == moves + 3);
        BOOST_TEST(object::alive == 4);  // what was moved from is no more
        BOOST_TEST(in_pool->value == 11);
        BOOST_TEST(in_heap->value == 12);
        BOOST_TEST(in_group->value == 13);
        BOOST_TEST(stays->is_sound());

        alloc.end_frame();
        for (int frame = 0; frame < 3; ++frame) {  // over their old places
            alloc.begin_frame();
            for (int i = 0; i < 20; ++i) alloc.template frame_new<object>(99);
            alloc.end_frame();
        }
        BOOST_TEST(object::alive >= 3);
        BOOST_TEST(in_pool->is_sound());
        BOOST_TEST(in_heap->is_sound());
        BOOST_TEST(in_group->is_sound());
        BOOST_TEST(in_pool->value + in_heap->value + in_group->value == 36);
        BOOST_TEST(level.owns(in_group));
        BOOST_TEST(bool(alloc.verify()));
    }
    level.free();
    owner->begin_frame();  // frames in flight end, too
    owner->end_frame();
    owner->begin_frame();
    owner->end_frame();
    BOOST_TEST(object::alive == 0);
    BOOST_TEST(alloc.stats().pool_blocks_live == 0u);
    BOOST_TEST(alloc.stats().heap_blocks_live == 0u);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_pointer_that_knows_its_frame_is_null_and_a_box_empty_afterwards, Alloc, every_assembly)
{
    using object = traveller<2>;
    auto const owner = made<Alloc>();
    Alloc& alloc = *owner;
    {
        auto const frame = alloc.frame_scope();
        auto p = make_frame_ptr<object>(alloc, 1);
        auto const from_ptr = promote_to_pool(alloc, p);
        BOOST_TEST(!p);
        BOOST_TEST(from_ptr->value == 1);

        auto box = alloc.template frame_box<object>(2);
        auto const from_box = promote_to_heap(alloc, box);
        BOOST_TEST(!box);
        BOOST_TEST(from_box->value == 2);
        BOOST_TEST(object::alive == 2);

        [[maybe_unused]] auto const left = alloc.template frame_box<object>(3);
        BOOST_TEST(object::alive == 3);
    }
    BOOST_TEST(object::alive == 0);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_row_is_promoted_as_a_whole, Alloc, every_assembly)
{
    using object = traveller<3>;
    auto const owner = made<Alloc>();
    Alloc& alloc = *owner;
    alloc.begin_frame();
    auto const row = alloc.template frame_array<object>(100);
    auto const numbers = alloc.template frame_array<int>(10);
    for (int i = 0; i < 100; ++i) row[std::size_t(i)].value = i;
    numbers[9] = 9;
    auto const kept = promote_to_pool(alloc, row);
    auto const kept_numbers = promote_to_heap(alloc, numbers);
    BOOST_TEST(promote_to_pool(alloc, row.first(0)).empty());
    alloc.end_frame();
    BOOST_TEST(kept.size() == 100u);
    BOOST_TEST(object::alive == 100);
    BOOST_TEST(kept[99].value == 99);
    BOOST_TEST(kept_numbers[9] == 9);
    alloc.pool_delete(kept);
    alloc.heap_delete(kept_numbers);
    BOOST_TEST(object::alive == 0);
    BOOST_TEST(bool(alloc.verify()));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(alignment_is_kept_and_so_is_what_lies_beside, Alloc, every_assembly)
{
    auto const owner = made<Alloc>();
    Alloc& alloc = *owner;
    alloc.begin_frame();
    auto* const before = alloc.template frame_new<std::string>("before");
    auto* const w = alloc.template frame_new<wide>(std::uint64_t{7});
    auto* const after = alloc.template frame_new<std::string>("after");
    auto const kept = promote_to_pool(alloc, w);
    BOOST_TEST(reinterpret_cast<std::uintptr_t>(kept.get()) % 256 == 0u);
    BOOST_TEST(kept->number == 7u);
    BOOST_TEST(*before + *after == "beforeafter");
    alloc.end_frame();
    BOOST_TEST(kept->number == 7u);
}

BOOST_AUTO_TEST_CASE(a_roll_back_does_not_reach_what_was_promoted)
{
    using object = traveller<4>;
    smart_alloc alloc;
    auto const frame = alloc.frame_scope();
    auto const mark = alloc.checkpoint();
    alloc.frame_new<object>(1);
    auto const kept = promote_to_pool(alloc, alloc.frame_new<object>(2));
    BOOST_TEST(alloc.rollback(mark));
    BOOST_TEST(object::alive == 1);
    BOOST_TEST(kept->value == 2);
}

BOOST_AUTO_TEST_CASE(every_way_to_the_frame_is_a_way_out_of_it)
{
    smart_alloc alloc;
    auto frame = alloc.frame_scope();
    auto handle = alloc.ref();
    auto& local = alloc.local();
    BOOST_TEST(*promote_to_pool(frame, frame.frame_new<std::string>("scope")) == "scope");
    BOOST_TEST(*promote_to_heap(handle, handle.frame_new<std::string>("handle")) == "handle");
    BOOST_TEST(*promote_to_pool(local, local.frame_new<std::string>("local")) == "local");
    auto const level = alloc.groups().create();
    BOOST_TEST(*promote_to_group(alloc, level.ref(), alloc.frame_new<std::string>("group")) == "group");
}

BOOST_AUTO_TEST_CASE(a_group_of_another_instance_takes_it)
{
    smart_alloc frames, levels;
    auto level = levels.groups().create("level");
    frames.begin_frame();
    std::string* const kept = promote_to_group(frames, level, frames.frame_new<std::string>(100U, 'x'));
    frames.end_frame();
    BOOST_TEST(kept->size() == 100u);
}

#if FRAMEALLOC_EXCEPTIONS
BOOST_AUTO_TEST_CASE(where_a_move_throws_the_object_is_the_frames_as_before)
{
    using object = traveller<5, false>;
    counted alloc;
    auto level = alloc.groups().create("level");
    alloc.begin_frame();
    auto* const one = alloc.frame_new<object>(1);
    auto const row = alloc.frame_array<object>(3);
    auto box = alloc.frame_box<object>(2);
    object::move_throws = true;
    BOOST_CHECK_THROW(static_cast<void>(promote_to_pool(alloc, one)), std::runtime_error);
    BOOST_CHECK_THROW(static_cast<void>(try_promote_to_heap(alloc, one)), std::runtime_error);
    BOOST_CHECK_THROW(promote_to_group(alloc, level, one), std::runtime_error);
    BOOST_CHECK_THROW(static_cast<void>(promote_to_pool(alloc, row)), std::runtime_error);
    BOOST_CHECK_THROW(static_cast<void>(promote_to_pool(alloc, box)), std::runtime_error);
    object::move_throws = false;
    BOOST_TEST(object::alive == 5);
    BOOST_TEST(one->value == 1);
    BOOST_TEST(bool(box));
    BOOST_TEST(alloc.stats().pool_blocks_live == 0u);
    BOOST_TEST(level.stats().objects == 0u);
    BOOST_TEST(promotions(alloc).moves_threw == 5u);
    BOOST_TEST(promotions(alloc).failed() == 5u);
    BOOST_TEST(promote_to_pool(alloc, one)->value == 1);  // and the next try succeeds
}

BOOST_AUTO_TEST_CASE(what_can_be_copied_is_copied_where_a_move_may_throw)
{
    struct careful {
        int value = 7;
        careful() = default;
        careful(careful const&) = default;
        careful(careful&& other) noexcept(false) : value(other.value) { throw 1; }
        ~careful() { value = 0; }
    };
    smart_alloc alloc;
    auto const frame = alloc.frame_scope();
    auto const kept = promote_to_pool(alloc, alloc.frame_new<careful>());
    BOOST_TEST(kept->value == 7);
}
#endif

BOOST_AUTO_TEST_CASE(a_single_threaded_instance_and_a_group_of_another_one_tell_the_true_reason)
{
    using limited = basic_smart_alloc<sync::single_threaded, backend::static_buffer<1_MiB, 65536>>;
    basic_smart_alloc<sync::single_threaded, diagnostics::counters> frames;
    auto const levels = std::make_unique<limited>();
    auto level = levels->groups().create("level");
    struct huge {
        char bytes[2_MiB];
    };
    frames.begin_frame();
    auto* const one = frames.frame_new<huge>();
    BOOST_TEST(try_promote_to_group(frames, level, one) == nullptr);
    BOOST_TEST(promotions(frames).out_of_memory == 1u);
    BOOST_TEST(promotions(frames).failed() == 1u);
    frames.end_frame();
}

BOOST_AUTO_TEST_CASE(a_group_that_is_gone_refuses_and_the_object_stays)
{
    using object = traveller<8>;
    counted alloc;
    fault_recorder const faults;
    auto level = alloc.groups().create("level");
    auto const known = level.ref();
    level.free();
    alloc.begin_frame();
    auto* const one = alloc.frame_new<object>(1);
    BOOST_TEST(try_promote_to_group(alloc, known, one) == nullptr);
    BOOST_TEST((faults.last() == fault_code::group_not_live));
    BOOST_TEST(one->is_sound());
    BOOST_TEST(promotions(alloc).group_not_live == 1u);
    BOOST_TEST(*&promote_to_heap(alloc, one)->value == 1);
    alloc.end_frame();
    BOOST_TEST(object::alive == 0);
}

BOOST_AUTO_TEST_CASE(a_budget_that_says_no_is_counted_as_one_and_the_object_stays)
{
    using object = traveller<9>;
    basic_smart_alloc<budget::per_tag, diagnostics::counters> alloc;
    constexpr allocation_tag world{"promotion_world"};
    alloc.budgets().set(world, {.hard = 2_KiB});
    struct large {
        object first{1};
        char bytes[3000] = {};
    };
    alloc.begin_frame();
    auto* const one = alloc.frame_new<large>();
    auto level = alloc.groups().create("level");
    alloc.with_tag(world, [&] {
        BOOST_TEST(!try_promote_to_pool(alloc, one));
        BOOST_TEST(!try_promote_to_heap(alloc, one));
        BOOST_TEST(!try_promote_to_group(alloc, level, one));
        BOOST_TEST(how_it_fails([&] { static_cast<void>(promote_to_pool(alloc, one)); }).failed);
    });
    BOOST_TEST(object::alive == 1);
    BOOST_TEST(one->first.is_sound());
    BOOST_TEST(promotions(alloc).over_budget == (FRAMEALLOC_EXCEPTIONS ? 4u : 3u));
    BOOST_TEST(promotions(alloc).failed() == promotions(alloc).over_budget);
    auto const kept = promote_to_pool(alloc, one);  // under no tag
    alloc.end_frame();
    BOOST_TEST(kept->first.is_sound());
}

BOOST_AUTO_TEST_CASE(a_frames_summary_counts_what_left_it)
{
    counted alloc;
    alloc.begin_frame();
    auto level = alloc.groups().create("level");
    auto const a = promote_to_pool(alloc, alloc.frame_new<std::string>("a"));
    auto const b = promote_to_pool(alloc, alloc.frame_new<int>(1));
    auto const c = promote_to_heap(alloc, alloc.frame_new<std::string>("c"));
    promote_to_group(alloc, level, alloc.frame_new<std::string>("d"));
    alloc.frame_new<std::string>("e");
    auto const summary = alloc.end_frame();
    auto const counts = summary.promotions();
    BOOST_TEST(counts.to_pool == 2u);
    BOOST_TEST(counts.to_heap == 1u);
    BOOST_TEST(counts.to_group == 1u);
    BOOST_TEST(counts.promoted() == 4u);
    BOOST_TEST(counts.bytes_promoted == 3 * sizeof(std::string) + sizeof(int));
    BOOST_TEST(counts.failed() == 0u);
    BOOST_TEST(counts.discarded == 0u);
    BOOST_TEST(summary.frame.objects_destroyed == 1u);
    BOOST_TEST((promotions(alloc) == counts));

    alloc.begin_frame();
    BOOST_TEST((promotions(alloc) == promotion_counts{}));
    BOOST_TEST((alloc.end_frame().promotions() == promotion_counts{}));
}

BOOST_AUTO_TEST_CASE(threads_promote_out_of_their_own_frames_and_free_each_others)
{
    using object = std::string;
    smart_alloc alloc;
    std::mutex m;
    std::vector<pool_ptr<object, smart_alloc::assembly_type>> kept;
    auto const work = [&] {
        for (int frame = 0; frame < 200; ++frame) {
            auto const scope = alloc.frame_scope();
            for (int i = 0; i < 10; ++i) alloc.frame_new<object>(40U, 'x');
            auto one = promote_to_pool(alloc, alloc.frame_new<object>(50U, 'y'));
            std::scoped_lock const guard{m};
            kept.push_back(std::move(one));
            if (kept.size() > 16) kept.erase(kept.begin());
        }
    };
    std::thread others[] = {std::thread{work}, std::thread{work}, std::thread{work}};
    work();
    for (auto& t : others) t.join();
    for (auto const& k : kept) BOOST_TEST(*k == object(50, 'y'));
    kept.clear();
    BOOST_TEST(alloc.stats().pool_blocks_live == 0u);
    BOOST_TEST(bool(alloc.verify()));
}

BOOST_AUTO_TEST_SUITE_END()
