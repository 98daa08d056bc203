// SPDX-License-Identifier: MIT OR Apache-2.0
#include "support/test.hpp"

#include "support/faults.hpp"
#include "support/promoted.hpp"

#include <framealloc/arena/in_flight.hpp>
#include <framealloc/backend/static_buffer.hpp>
#include <framealloc/budget/per_tag.hpp>
#include <framealloc/diagnostics/counters.hpp>
#include <framealloc/promotion/retained.hpp>
#include <framealloc/smart_alloc_guarded.hpp>
#include <framealloc/sync/mutex.hpp>
#include <framealloc/tag_budgets.hpp>

#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <tuple>
#include <vector>

// What is retained moves out of its frame as that ends, and what is taken back does not.

using namespace framealloc;
using namespace framealloc::test;

namespace {

using counted = basic_smart_alloc<diagnostics::counters>;
using every_assembly =
    std::tuple<smart_alloc, smart_alloc_debug, smart_alloc_single_threaded, smart_alloc_guarded, counted,
               basic_smart_alloc<sync::mutex<std::mutex>>, basic_smart_alloc<budget::per_tag, diagnostics::checked>,
               basic_smart_alloc<backend::static_buffer<16_MiB, 65536>>>;
using assemblies_with_threads =
    std::tuple<smart_alloc, smart_alloc_debug, smart_alloc_guarded, basic_smart_alloc<sync::mutex<std::mutex>>,
               basic_smart_alloc<budget::per_tag, diagnostics::checked>>;
template <class T, class Alloc>
using kept_by = retained<T, typename Alloc::assembly_type>;

}  // namespace

BOOST_AUTO_TEST_SUITE(retained_objects)

BOOST_AUTO_TEST_CASE_TEMPLATE(the_end_of_the_frame_moves_each_to_where_it_is_to_go, Alloc, every_assembly)
{
    using object = traveller<11>;
    auto const owner = std::make_unique<Alloc>();
    Alloc& alloc = *owner;
    {
        auto level = alloc.groups().create("level");
        alloc.begin_frame();
        auto in_pool = frame_retained<object>(alloc, retention::pool, 1);
        auto in_heap = frame_retained<object>(alloc, importance::persistent, 2);
        auto in_group = frame_retained<object>(alloc, level, 3);
        auto none = frame_retained<object>(alloc, importance::ephemeral, 4);
        object* const before = in_pool.get();
        BOOST_TEST(in_pool.is_in_frame());
        BOOST_TEST(bool(in_pool.where() == retention::pool));
        BOOST_TEST(bool(in_heap.where() == retention::heap));
        BOOST_TEST(alloc.stats().pool_blocks_live == 0u);
        in_pool->value = 10;
        alloc.end_frame();

        BOOST_TEST(object::alive == 3);
        BOOST_TEST(in_pool.get() != before);
        BOOST_TEST(!in_pool.is_in_frame());
        BOOST_TEST(in_pool->value == 10);  // as it was left
        BOOST_TEST(in_heap->value == 2);
        BOOST_TEST(in_group->value == 3);
        BOOST_TEST(in_pool->is_sound());
        BOOST_TEST(level.owns(in_group.get()));
        BOOST_TEST(!none);
        BOOST_TEST(bool(none.where() == retention::discard));
        BOOST_TEST(bool(none.failure() == promotion_failure::none));

        auto const mine = in_pool.take_from_pool();
        BOOST_TEST(!in_pool);
        BOOST_TEST(mine->value == 10);
        BOOST_TEST(!in_heap.take_from_pool());
        BOOST_TEST(bool(in_heap.take_from_heap()));  // and is gone
        BOOST_TEST(object::alive == 2);
        BOOST_TEST(in_group.take_from_group()->value == 3);
    }
    BOOST_TEST(object::alive == 0);
    BOOST_TEST(alloc.stats().pool_blocks_live == 0u);
    BOOST_TEST(alloc.stats().heap_blocks_live == 0u);
    BOOST_TEST(bool(alloc.verify()));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_scope_promotes_and_a_roll_back_discards, Alloc, every_assembly)
{
    using object = traveller<12>;
    auto const owner = std::make_unique<Alloc>();
    Alloc& alloc = *owner;
    kept_by<object, Alloc> of_scope, of_rollback, of_guard, of_kept_guard;
    {
        auto const frame = alloc.frame_scope();
        {
            auto inner = alloc.frame_scope();
            of_scope = frame_retained<object>(inner, retention::pool, 1);
        }
        BOOST_TEST(!of_scope.is_in_frame());
        BOOST_TEST(of_scope->value == 1);

        auto const mark = alloc.checkpoint();
        of_rollback = frame_retained<object>(alloc, retention::pool, 2);
        BOOST_TEST(alloc.rollback(mark));
        BOOST_TEST(!of_rollback);
        {
            auto const guard = alloc.rollback_guard();
            of_guard = frame_retained<object>(alloc, retention::pool, 3);
        }
        BOOST_TEST(!of_guard);
        {
            auto guard = alloc.rollback_guard();
            of_kept_guard = frame_retained<object>(alloc, retention::pool, 4);
            BOOST_TEST(guard.commit());
        }
        BOOST_TEST(of_kept_guard.is_in_frame());
        BOOST_TEST(object::alive == 2);
    }
    BOOST_TEST(of_kept_guard->value == 4);
    BOOST_TEST(object::alive == 2);
    BOOST_TEST(bool(of_guard.failure() == promotion_failure::none));
}

BOOST_AUTO_TEST_CASE(a_roll_back_in_a_frame_of_all_threads_discards_too)
{
    using object = traveller<13>;
    smart_alloc alloc;
    alloc.begin_frame_all();
    auto const mark = alloc.checkpoint();
    auto const one = frame_retained<object>(alloc, retention::pool, 1);
    BOOST_TEST(alloc.rollback(mark));
    BOOST_TEST(!one);
    auto const two = frame_retained<object>(alloc, retention::pool, 2);
    alloc.end_frame_all();
    BOOST_TEST(two->value == 2);
    BOOST_TEST(object::alive == 1);
}

#if FRAMEALLOC_EXCEPTIONS
BOOST_AUTO_TEST_CASE(what_a_constructor_that_threw_had_retained_is_discarded)
{
    using object = traveller<14>;
    using keeper = kept_by<object, smart_alloc>;
    struct parent {
        parent(smart_alloc& a, keeper& k) {
            k = frame_retained<object>(a, retention::pool, 1);
            throw 1;
        }
        ~parent() {}
    };
    smart_alloc alloc;
    keeper child;
    alloc.begin_frame();
    BOOST_CHECK_THROW(alloc.frame_new<parent>(alloc, child), int);
    BOOST_TEST(!child);
    BOOST_TEST(object::alive == 0);
    alloc.end_frame();
    BOOST_TEST(!child);
}
#endif

BOOST_AUTO_TEST_CASE(what_nobody_keeps_goes_with_the_frame)
{
    using object = traveller<15>;
    counted alloc;
    alloc.begin_frame();
    {
        auto const dropped = frame_retained<object>(alloc, retention::pool, 1);
    }
    auto given_up = frame_retained<object>(alloc, retention::heap, 2);
    given_up.reset();
    BOOST_TEST(!given_up);
    BOOST_TEST(object::alive == 2);  // the frame destroys them
    auto const summary = alloc.end_frame();
    BOOST_TEST(object::alive == 0);
    BOOST_TEST(summary.promotions().discarded == 2u);
    BOOST_TEST(summary.promotions().promoted() == 0u);
    BOOST_TEST(summary.frame.objects_destroyed == 2u);
    BOOST_TEST(alloc.stats().pool_blocks_live == 0u);
}

BOOST_AUTO_TEST_CASE(a_handle_may_move_and_its_mind_be_changed_while_the_object_is_in_the_frame)
{
    using object = traveller<16>;
    smart_alloc alloc;
    std::vector<kept_by<object, smart_alloc>> all;
    auto level = alloc.groups().create("level");
    alloc.begin_frame();
    for (int i = 0; i < 50; ++i) all.push_back(frame_retained<object>(alloc, retention::discard, i));
    BOOST_TEST(all[7].keep_as(retention::pool));
    BOOST_TEST(all[8].keep_as(importance::persistent));
    BOOST_TEST(all[9].keep_as(level));
    BOOST_TEST(all[10].keep_as(retention::pool));
    all[11] = std::move(all[10]);  // what was there goes with the frame
    BOOST_TEST(!all[10]);
    alloc.end_frame();
    BOOST_TEST(object::alive == 4);
    BOOST_TEST(all[7]->value + all[8]->value + all[9]->value + all[11]->value == 34);
    BOOST_TEST(!all[7].keep_as(retention::heap));  // it is where it is
    BOOST_TEST(bool(all[7].where() == retention::pool));
    BOOST_TEST(!all[12]);
    all.clear();
    BOOST_TEST(object::alive == 1);  // the group's
    level.free();
    BOOST_TEST(object::alive == 0);
}

BOOST_AUTO_TEST_CASE(objects_are_settled_newest_first_and_may_use_older_ones_of_the_frame)
{
    static std::string diary;
    diary.clear();
    struct noted {
        std::string const* name;
        explicit noted(std::string const* n) : name(n) {}
        noted(noted&& other) noexcept : name(other.name) { diary += *name; }
    };
    smart_alloc alloc;
    alloc.begin_frame();
    auto* const a = alloc.frame_new<std::string>("a");
    auto* const b = alloc.frame_new<std::string>("b");
    auto const first = frame_retained<noted>(alloc, retention::pool, a);
    auto const second = frame_retained<noted>(alloc, retention::pool, b);
    alloc.end_frame();
    BOOST_TEST(diary == "ba");
}

BOOST_AUTO_TEST_CASE(with_frames_in_flight_it_moves_when_its_memory_goes)
{
    using object = traveller<17>;
    basic_smart_alloc<arena::in_flight<3, arena::chunked<>>> alloc;
    alloc.begin_frame();
    auto const one = frame_retained<object>(alloc, retention::pool, 1);
    alloc.end_frame();
    BOOST_TEST(one.is_in_frame());
    BOOST_TEST(one->value == 1);
    for (int i = 0; i < 2; ++i) alloc.begin_frame(), alloc.end_frame();
    BOOST_TEST(!one.is_in_frame());
    BOOST_TEST(one->value == 1);
    BOOST_TEST(object::alive == 1);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(the_end_of_an_instance_takes_what_is_in_its_frames, Alloc, every_assembly)
{
    using object = traveller<18>;
    kept_by<object, Alloc> one;
    {
        auto const owner = std::make_unique<Alloc>();
        owner->begin_frame();
        one = frame_retained<object>(*owner, retention::pool, 1);
        auto const ends_first = frame_retained<object>(*owner, retention::heap, 2);
    }
    BOOST_TEST(!one);
    BOOST_TEST(object::alive == 0);
}

BOOST_AUTO_TEST_CASE(the_end_of_an_instance_takes_frames_in_flight_too)
{
    using object = traveller<19>;
    using flying = basic_smart_alloc<arena::in_flight<3, arena::chunked<>>>;
    kept_by<object, flying> one;
    {
        flying alloc;
        alloc.begin_frame();
        one = frame_retained<object>(alloc, retention::pool, 1);
        alloc.end_frame();
    }
    BOOST_TEST(!one);
    BOOST_TEST(object::alive == 0);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_thread_that_ends_in_its_frame_promotes, Alloc, assemblies_with_threads)
{
    using object = traveller<20>;
    Alloc alloc;
    kept_by<object, Alloc> one;
    fault_recorder const faults;  // FA009 where somebody checks
    std::thread{[&] {
        alloc.begin_frame();
        one = frame_retained<object>(alloc, retention::pool, 1);
    }}.join();
    BOOST_TEST(!one.is_in_frame());
    BOOST_TEST(one->value == 1);
    BOOST_TEST(object::alive == 1);
}

BOOST_AUTO_TEST_CASE(the_frame_of_all_threads_promotes_on_the_thread_that_ends_it)
{
    using object = std::string;
    counted alloc;
    constexpr std::size_t count = 4;
    for (int frame = 0; frame < 20; ++frame) {
        kept_by<object, counted> kept[count][10];
        alloc.begin_frame_all();
        std::vector<std::thread> workers;
        for (std::size_t t = 0; t < count; ++t) {
            workers.emplace_back([&, t] {
                for (auto& k : kept[t]) k = frame_retained<object>(alloc, retention::pool, 40 + t, 'x');
            });
        }
        for (auto& w : workers) w.join();  // their arenas live until the end of the frame
        alloc.end_frame_all();
        for (std::size_t t = 0; t < count; ++t) {
            for (auto const& k : kept[t]) BOOST_TEST(*k == object(40 + t, 'x'));
        }
    }
    BOOST_TEST(alloc.stats().pool_blocks_live == 0u);
    BOOST_TEST(bool(alloc.verify()));
}

BOOST_AUTO_TEST_CASE(what_its_new_home_refuses_is_lost_and_told_with_the_reason)
{
    using object = traveller<21>;
    basic_smart_alloc<budget::per_tag, diagnostics::counters> alloc;
    constexpr allocation_tag world{"retained_world"};
    struct large {
        object first{1};
        char bytes[3000] = {};
    };
    using kept = kept_by<large, decltype(alloc)>;
    fault_recorder const faults;
    auto level = alloc.groups().create("level");
    auto gone = alloc.groups().create("gone");
    kept in_pool, in_heap, in_group, in_gone, without;
    alloc.begin_frame();
    alloc.with_tag(world, [&] {
        in_pool = frame_retained<large>(alloc, retention::pool);
        in_heap = frame_retained<large>(alloc, retention::heap);
        in_group = frame_retained<large>(alloc, level);
        in_gone = frame_retained<large>(alloc, gone);
        without = frame_retained<large>(alloc, retention::group);
    });
    gone.free();
    alloc.budgets().set(world, {.hard = 2_KiB});
    promotion_counts const counts = alloc.end_frame().promotions();
    for (auto const* each : {&in_pool, &in_heap, &in_group}) {
        BOOST_TEST(!*each);
        BOOST_TEST(bool(each->failure() == promotion_failure::over_budget));
    }
    BOOST_TEST(!in_gone);
    BOOST_TEST(bool(in_gone.failure() == promotion_failure::group_not_live));
    BOOST_TEST(bool(without.failure() == promotion_failure::group_not_live));
    BOOST_TEST(object::alive == 0);
    BOOST_TEST(counts.over_budget == 3u);
    BOOST_TEST(counts.group_not_live == 2u);
    BOOST_TEST(counts.failed() == 5u);
    BOOST_TEST(counts.promoted() + counts.discarded == 0u);
    BOOST_TEST(faults.count() == 5u);
    BOOST_TEST(faults.last() == fault_code::promotion_failed);
    BOOST_TEST(alloc.stats().pool_blocks_live == 0u);
    BOOST_TEST(alloc.stats().heap_blocks_live == 0u);
    in_pool.reset();
    BOOST_TEST(bool(in_pool.failure() == promotion_failure::none));
}

BOOST_AUTO_TEST_CASE(it_is_charged_to_the_tag_that_it_was_made_under)
{
    using object = traveller<24>;
    using budgeted = basic_smart_alloc<budget::per_tag>;
    budgeted alloc;
    constexpr allocation_tag world{"kept_world"}, other{"kept_other"};
    kept_by<object, budgeted> in_pool, in_heap;
    auto const charged = [&](allocation_tag const& tag) {
        auto const usage = alloc.budgets().usage(tag);
        return usage.pool_bytes + usage.heap_bytes;
    };
    alloc.begin_frame();
    alloc.with_tag(world, [&] {
        in_pool = frame_retained<object>(alloc, retention::pool, 1);
        in_heap = frame_retained<object>(alloc, retention::heap, 2);
    });
    alloc.with_tag(other, [&] { alloc.end_frame(); });
    BOOST_TEST(charged(world) > 2 * sizeof(object) - 1);
    BOOST_TEST(charged(other) == 0u);
    in_pool.reset();
    in_heap.reset();
    BOOST_TEST(charged(world) == 0u);
    BOOST_TEST(bool(alloc.verify()));
}

BOOST_AUTO_TEST_CASE(of_several_instances_each_settles_its_own)
{
    using object = traveller<25>;
    smart_alloc one;
    smart_alloc_debug two;
    smart_alloc three;
    auto level = three.groups().create("level");
    kept_by<object, smart_alloc> a, b;
    kept_by<object, smart_alloc_debug> c;
    one.begin_frame();
    two.begin_frame();
    a = frame_retained<object>(one, retention::pool, 1);
    b = frame_retained<object>(one, level, 2);  // another instance's
    c = frame_retained<object>(two, retention::heap, 3);
    two.end_frame();
    BOOST_TEST(a.is_in_frame());
    BOOST_TEST(c->value == 3);
    one.end_frame();
    BOOST_TEST(a->value + b->value == 3);
    BOOST_TEST(level.owns(b.get()));
    BOOST_TEST(one.stats().pool_blocks_live == 1u);
    BOOST_TEST(two.stats().heap_blocks_live == 1u);
}

BOOST_AUTO_TEST_CASE(an_object_may_keep_others_and_what_it_gives_up_as_it_moves_goes_at_once)
{
    struct node {
        kept_by<traveller<26>, smart_alloc> child;
        traveller<26> itself{1};
    };
    smart_alloc alloc;
    alloc.begin_frame();
    auto kept = frame_retained<node>(alloc, retention::pool);
    kept->child = frame_retained<traveller<26>>(alloc, retention::heap, 2);
    auto gone = frame_retained<node>(alloc, retention::discard);
    gone->child = frame_retained<traveller<26>>(alloc, retention::heap, 3);
    alloc.end_frame();
    BOOST_TEST(kept->child->value == 2);
    BOOST_TEST(!gone);
    BOOST_TEST(traveller<26>::alive == 2);
    kept.reset();
    BOOST_TEST(traveller<26>::alive == 0);

    struct selfless {
        retained<selfless, smart_alloc::assembly_type>* handle = nullptr;
        traveller<26> itself{1};
        selfless() = default;
        selfless(selfless&& other) noexcept : handle(other.handle), itself(std::move(other.itself)) { handle->reset(); }
    };
    alloc.begin_frame();
    auto self = frame_retained<selfless>(alloc, retention::pool);
    self->handle = &self;
    alloc.end_frame();
    BOOST_TEST(!self);
    BOOST_TEST(traveller<26>::alive == 0);
    BOOST_TEST(alloc.stats().pool_blocks_live == 0u);
}

BOOST_AUTO_TEST_CASE(it_takes_forty_bytes_more_than_an_object_with_a_destructor_and_the_rounding)
{
    using object = std::string;  // 32 and 32 bytes; 104 then, in sixteens
    smart_alloc alloc;
    alloc.begin_frame();
    alloc.frame_new<object>();
    std::size_t const plain = alloc.stats().frame_bytes_used;
    auto const kept = frame_retained<object>(alloc, retention::discard);
    BOOST_TEST(alloc.stats().frame_bytes_used - plain == plain + 48);
}

#if FRAMEALLOC_EXCEPTIONS
BOOST_AUTO_TEST_CASE(a_move_that_throws_ends_at_the_end_of_the_frame)
{
    using object = traveller<22, false>;
    counted alloc;
    fault_recorder const faults;
    auto level = alloc.groups().create("level");
    alloc.begin_frame();
    auto const a = frame_retained<object>(alloc, retention::pool, 1);
    auto const b = frame_retained<object>(alloc, retention::heap, 2);
    auto const c = frame_retained<object>(alloc, level, 3);
    object::move_throws = true;
    auto const counts = alloc.end_frame().promotions();
    object::move_throws = false;
    BOOST_TEST(counts.moves_threw == 3u);
    BOOST_TEST(counts.failed() == 3u);
    for (auto const* each : {&a, &b, &c}) BOOST_TEST(bool(each->failure() == promotion_failure::move_threw));
    BOOST_TEST(object::alive == 0);
    BOOST_TEST(faults.count() == 3u);
    BOOST_TEST(alloc.stats().pool_blocks_live == 0u);
    BOOST_TEST(level.stats().objects == 0u);
}
#endif

BOOST_AUTO_TEST_CASE(over_all_frames_the_totals_add_up)
{
    using object = traveller<23>;
    counted alloc;
    auto level = alloc.groups().create("level");
    std::vector<kept_by<object, counted>> kept;
    promotion_counts sum;
    unsigned made = 0, random = 1;
    auto const next = [&] { return random = random * 1664525u + 1013904223u, random >> 20; };
    for (int frame = 0; frame < 200; ++frame) {
        alloc.begin_frame();
        for (unsigned i = next() % 8; i > 0; --i) {
            retention_goal<counted::assembly_type> goals[] = {retention::discard, retention::pool, retention::heap, level};
            auto one = frame_retained<object>(alloc, goals[next() % 4], int(made++));
            if (next() % 3 != 0) kept.push_back(std::move(one));
        }
        auto const mark = alloc.checkpoint();
        for (unsigned i = next() % 4; i > 0; --i, ++made) kept.push_back(frame_retained<object>(alloc, retention::pool, 0));
        if (next() % 2 == 0) BOOST_TEST(alloc.rollback(mark));
        auto const counts = alloc.end_frame().promotions();
        sum.to_pool += counts.to_pool;
        sum.to_heap += counts.to_heap;
        sum.to_group += counts.to_group;
        sum.discarded += counts.discarded;
        BOOST_TEST(counts.failed() == 0u);
    }
    BOOST_TEST(sum.promoted() + sum.discarded == made);
    BOOST_TEST(sum.promoted() == unsigned(object::alive));
    BOOST_TEST(sum.to_pool == alloc.stats().pool_blocks_live);
    BOOST_TEST(sum.to_group == level.stats().objects);
    kept.clear();
    level.free();
    BOOST_TEST(object::alive == 0);
}

BOOST_AUTO_TEST_CASE(a_frame_that_refuses_it_answers_an_empty_handle)
{
    smart_alloc alloc;
    fault_recorder const faults;
    auto const none = try_frame_retained<std::string>(alloc, retention::pool, "no frame");
    BOOST_TEST(!none);
    BOOST_TEST(!none.is_in_frame());
    BOOST_TEST(faults.last() == fault_code::frame_not_open);
}

BOOST_AUTO_TEST_CASE(an_importance_is_a_retention)
{
    BOOST_TEST(bool(retention_for(importance::ephemeral) == retention::discard));
    BOOST_TEST(bool(retention_for(importance::reusable) == retention::pool));
    BOOST_TEST(bool(retention_for(importance::persistent) == retention::heap));
}

BOOST_AUTO_TEST_SUITE_END()
