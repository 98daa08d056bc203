// SPDX-License-Identifier: MIT OR Apache-2.0
#include "support/test.hpp"

#include "support/faults.hpp"

#include <string>
#include <type_traits>
#include <utility>

using namespace framealloc;

namespace {

struct noted {
    std::string* diary;
    char letter;
    ~noted() { *diary += letter; }
};

struct shape {
    virtual ~shape() = default;
    virtual int corners() const = 0;
};
/// So large that a free by `shape`'s size would go to another class.
struct polygon final : shape {
    int points[200] = {};
    std::string* diary;
    explicit polygon(std::string& d) : diary(&d) {}
    ~polygon() override { *diary += 'p'; }
    int corners() const override { return 200; }
};

using A = smart_alloc::assembly_type;

// The lifetime is in the type: owners of different lifetimes do not convert into each other, and a frame's cannot
// leave.
static_assert(!std::is_copy_constructible_v<frame_box<int>> && !std::is_move_constructible_v<frame_box<int>>);
static_assert(!std::is_copy_assignable_v<frame_box<int>> && !std::is_move_assignable_v<frame_box<int>>);
static_assert(!std::is_copy_constructible_v<pool_ptr<int, A>> && !std::is_copy_assignable_v<pool_ptr<int, A>>);
static_assert(std::is_nothrow_move_constructible_v<pool_ptr<int, A>>);
static_assert(std::is_nothrow_move_assignable_v<heap_ptr<int, A>>);
static_assert(!std::is_constructible_v<pool_ptr<int, A>, heap_ptr<int, A>>);
static_assert(!std::is_constructible_v<heap_ptr<int, A>, pool_ptr<int, A>>);
static_assert(!std::is_constructible_v<pool_ptr<int, A>, frame_box<int>>);
static_assert(!std::is_convertible_v<int*, pool_ptr<int, A>>);
static_assert(!std::is_assignable_v<pool_ptr<int, A>&, heap_ptr<int, A>>);

template <class Make>
void expect_one_owner(Make&& make, std::string& diary)
{
    diary.clear();
    {
        auto first = make('a');
        BOOST_TEST(bool(first));
        BOOST_TEST(first->letter == 'a');
        BOOST_TEST((*first).letter == first.get()->letter);
        auto second = std::move(first);
        BOOST_TEST(!first);
        BOOST_TEST(first.get() == nullptr);
        BOOST_TEST(diary == "");

        first = make('b');
        first = std::move(second);  // what it owned goes
        BOOST_TEST(diary == "b");
        auto& alias = first;
        first = std::move(alias);  // to itself: nothing goes
        BOOST_TEST(first->letter == 'a');
        BOOST_TEST(diary == "b");

        first.reset();
        BOOST_TEST(diary == "ba");
        first.reset();
        BOOST_TEST(diary == "ba");
        second = make('c');
    }
    BOOST_TEST(diary == "bac");
}

}  // namespace

BOOST_AUTO_TEST_SUITE(boxes)

BOOST_AUTO_TEST_CASE(a_pool_box_and_a_heap_box_have_one_owner_who_destroys_once)
{
    smart_alloc alloc;
    std::string diary;
    expect_one_owner([&](char letter) { return alloc.pool_box<noted>(&diary, letter); }, diary);
    expect_one_owner([&](char letter) { return alloc.heap_box<noted>(&diary, letter); }, diary);
    BOOST_TEST(alloc.stats().pool_blocks_live == 0u);
    BOOST_TEST(alloc.stats().heap_blocks_live == 0u);
}

BOOST_AUTO_TEST_CASE(a_frame_box_destroys_at_the_end_of_its_block)
{
    smart_alloc alloc;
    std::string diary;
    alloc.begin_frame();
    {
        auto const outer = alloc.frame_box<noted>(&diary, 'o');
        auto const inner = alloc.frame_box<noted>(&diary, 'i');
        BOOST_TEST(inner->letter == 'i');
        BOOST_TEST((*outer).letter == 'o');
        BOOST_TEST(outer.get() != inner.get());
    }
    BOOST_TEST(diary == "io");
    alloc.end_frame();
    BOOST_TEST(diary == "io");  // and the frame does not do it again
}

BOOST_AUTO_TEST_CASE(an_empty_box_does_nothing)
{
    pool_ptr<int, A> pooled;
    heap_ptr<int, A> large;
    BOOST_TEST(!pooled);
    BOOST_TEST(!large);
    pooled.reset();
    BOOST_TEST(large.release() == nullptr);
    pool_ptr<int, A> moved = std::move(pooled);
    BOOST_TEST(!moved);
}

BOOST_AUTO_TEST_CASE(a_released_object_is_the_callers)
{
    smart_alloc alloc;
    std::string diary;
    noted* mine = nullptr;
    {
        auto box = alloc.pool_box<noted>(&diary, 'r');
        mine = box.release();
        BOOST_TEST(!box);
    }
    BOOST_TEST(diary == "");
    BOOST_TEST(mine->letter == 'r');
    alloc.pool_delete(mine);
    BOOST_TEST(diary == "r");
    alloc.heap_delete(alloc.heap_box<noted>(&diary, 'h').release());
    BOOST_TEST(diary == "rh");
}

BOOST_AUTO_TEST_CASE(a_pool_box_larger_than_the_largest_class_is_served_and_freed_by_the_heap_path)
{
    struct large {
        char bytes[5000];
    };
    smart_alloc_debug alloc;
    test::fault_recorder const faults;
    {
        auto const box = alloc.pool_box<large>();
        box->bytes[4999] = 1;
        BOOST_TEST(alloc.stats().heap_blocks_live == 1u);
        BOOST_TEST(alloc.stats().pool_blocks_live == 0u);
    }
    BOOST_TEST(alloc.stats().heap_blocks_live == 0u);
    BOOST_TEST(faults.count() == 0u);
}

BOOST_AUTO_TEST_CASE(a_derived_object_is_deleted_through_its_base_with_its_own_size)
{
    smart_alloc_debug alloc;  // names a free of the wrong size
    std::string diary;
    test::fault_recorder const faults;
    shape* const pooled = alloc.pool_new<polygon>(diary);
    BOOST_TEST(pooled->corners() == 200);
    alloc.pool_delete(pooled);
    shape* const large = alloc.heap_new<polygon>(diary);
    alloc.heap_delete(large);
    alloc.pool_delete(alloc.pool_new<polygon>(diary));
    BOOST_TEST(diary == "ppp");
    BOOST_TEST(alloc.stats().pool_blocks_live == 0u);
    BOOST_TEST(alloc.stats().heap_blocks_live == 0u);
    alloc.pool_delete(static_cast<shape*>(nullptr));
    alloc.heap_delete(static_cast<shape*>(nullptr));
    BOOST_TEST(faults.count() == 0u);
}

BOOST_AUTO_TEST_CASE(a_derived_object_is_deleted_through_a_base_that_lies_inside_it)
{
    struct other {
        virtual ~other() = default;
        long filler[4] = {};
    };
    struct both : other, shape {
        std::string& diary;
        explicit both(std::string& d) : diary(d) {}
        ~both() override { diary += 'b'; }
        int corners() const override { return 2; }
    };
    smart_alloc_debug alloc;
    std::string diary;
    test::fault_recorder const faults;
    both* const whole = alloc.pool_new<both>(diary);
    shape* const inside = whole;
    BOOST_TEST(static_cast<void*>(inside) != static_cast<void*>(whole));
    alloc.pool_delete(inside);
    shape* const on_heap = alloc.heap_new<both>(diary);
    alloc.heap_delete(on_heap);
    BOOST_TEST(diary == "bb");
    BOOST_TEST(faults.count() == 0u);
    BOOST_TEST(alloc.stats().pool_blocks_live == 0u);
    BOOST_TEST(alloc.stats().heap_blocks_live == 0u);
}

BOOST_AUTO_TEST_CASE(objects_without_virtual_functions_are_deleted_by_their_static_type)
{
    smart_alloc_debug alloc;
    test::fault_recorder const faults;
    int const* const number = alloc.pool_new<int const>(3);
    alloc.pool_delete(number);
    alloc.heap_delete(alloc.heap_new<std::string>(std::size_t{100}, 'x'));
    BOOST_TEST(faults.count() == 0u);
    BOOST_TEST(alloc.stats().pool_blocks_live == 0u);
}

BOOST_AUTO_TEST_CASE(boxes_may_be_made_through_every_way_to_the_allocator)
{
    smart_alloc alloc;
    auto const by_handle = alloc.ref().pool_box<int>(1);
    auto const by_state = alloc.local().pool_box<int>(2);
    auto const large = alloc.ref().heap_box<int>(3);
    BOOST_TEST(*by_handle + *by_state + *large == 6);
    alloc.begin_frame();
    {
        auto const box = alloc.local().frame_box<int>(4);
        BOOST_TEST(*box == 4);
    }
    alloc.end_frame();
}

BOOST_AUTO_TEST_SUITE_END()
