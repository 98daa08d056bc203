// SPDX-License-Identifier: MIT OR Apache-2.0
#include "support/test.hpp"

#include "support/faults.hpp"

#include <memory>
#include <string>
#include <utility>
#include <vector>

using namespace framealloc;

namespace {

struct point {
    int x;
    int y = 9;
};

struct takes_anything {
    std::unique_ptr<int> moved;
    std::string text;
    takes_anything(std::unique_ptr<int> m, std::string const& t) : moved(std::move(m)), text(t) {}
};

#if FRAMEALLOC_EXCEPTIONS

struct refusal {};
int alive = 0;
int made = 0;
std::vector<int> gone;

/// Throws when the `limit`-th object is made; keeps count of those alive.
int limit = 0;
struct fragile {
    int number;
    fragile() : number(made) {
        if (made + 1 == limit) throw refusal{};
        ++made;
        ++alive;
    }
    fragile(fragile const&) = delete;
    fragile& operator=(fragile const&) = delete;
    ~fragile() {
        --alive;
        gone.push_back(number);
    }
};
/// The same without a destructor, which takes other ways through the library.
struct fragile_and_trivial {
    int number;
    fragile_and_trivial() : number(made) {
        if (made + 1 == limit) throw refusal{};
        ++made;
    }
};

void reset(int throw_at) {
    limit = throw_at;
    alive = made = 0;
    gone.clear();
}

/// Runs `make`, whose constructor throws at object `k` for k = 1, 2, ..., n, and expects that nothing stays behind.
template <class Alloc, class Make>
void expect_nothing_left(Alloc& alloc, int n, bool destructor, Make&& make)
{
    reset(0);
    for (int k = 1; k <= n; ++k) {
        alloc_stats before = alloc.stats();
        reset(k);
        BOOST_CHECK_THROW(make(), refusal);
        alloc_stats after = alloc.stats();
        BOOST_TEST(after.frame_bytes_used == before.frame_bytes_used);
        BOOST_TEST(after.pool_blocks_live == before.pool_blocks_live);
        BOOST_TEST(after.heap_blocks_live == before.heap_blocks_live);
        BOOST_TEST(after.heap_bytes_live == before.heap_bytes_live);
        BOOST_TEST(alive == 0);
        if (destructor) {
            std::vector<int> expected;
            for (int i = k - 1; i-- > 0;) expected.push_back(i);
            BOOST_TEST(gone == expected, boost::test_tools::per_element());
        }
    }
    BOOST_TEST(bool(alloc.verify()));
    reset(0);
}

#endif

}  // namespace

BOOST_AUTO_TEST_SUITE(construction)

BOOST_AUTO_TEST_CASE(arguments_reach_the_constructor_as_they_were_given)
{
    smart_alloc alloc;
    alloc.begin_frame();
    std::string const text(100, 't');

    takes_anything* const in_frame = alloc.frame_new<takes_anything>(std::make_unique<int>(1), text);
    takes_anything* const in_pool = alloc.pool_new<takes_anything>(std::make_unique<int>(2), text);
    takes_anything* const in_heap = alloc.heap_new<takes_anything>(std::make_unique<int>(3), text);
    BOOST_TEST(*in_frame->moved == 1);
    BOOST_TEST(*in_pool->moved == 2);
    BOOST_TEST(*in_heap->moved == 3);
    BOOST_TEST(in_frame->text == text);
    alloc.pool_delete(in_pool);
    alloc.heap_delete(in_heap);
    alloc.end_frame();  // LeakSanitizer sees whether the frame's string and pointer went
}

BOOST_AUTO_TEST_CASE(aggregates_are_made_from_their_members)
{
    smart_alloc alloc;
    alloc.begin_frame();
    BOOST_TEST(alloc.frame_new<point>(4)->x == 4);
    BOOST_TEST(alloc.frame_new<point>(4)->y == 9);
    BOOST_TEST(alloc.frame_new<point>()->x == 0);
    point* const in_pool = alloc.pool_new<point>(1, 2);
    BOOST_TEST(in_pool->y == 2);
    alloc.pool_delete(in_pool);
    point const* const in_heap = alloc.heap_new<point const>(5, 6);
    BOOST_TEST(in_heap->x == 5);
    alloc.heap_delete(in_heap);
    alloc.end_frame();
}

BOOST_AUTO_TEST_CASE(scalars_without_arguments_are_zero)
{
    smart_alloc alloc;
    alloc.begin_frame();
    *static_cast<unsigned*>(alloc.frame_alloc(layout{.bytes = 4})) = 0xFFFFFFFF;
    {
        auto scope = alloc.frame_scope();
        *scope.frame_new<unsigned>() = 0xFFFFFFFF;
    }
    BOOST_TEST(*alloc.frame_new<unsigned>() == 0u);
    alloc.end_frame();
}

BOOST_AUTO_TEST_CASE(an_object_is_made_once_and_destroyed_once)
{
    static int balance = 0;
    static int total = 0;
    struct counted {
        counted() { ++balance, ++total; }
        ~counted() { --balance; }
    };
    smart_alloc alloc;
    alloc.pool_delete(alloc.pool_new<counted>());
    alloc.heap_delete(alloc.heap_new<counted>());
    alloc.begin_frame();
    alloc.frame_new<counted>();
    BOOST_TEST(balance == 1);
    alloc.end_frame();
    alloc.pool_delete(alloc.try_pool_new<counted>());
    alloc.heap_delete(alloc.try_heap_new<counted>());
    BOOST_TEST(balance == 0);
    BOOST_TEST(total == 5);
}

#if FRAMEALLOC_EXCEPTIONS

BOOST_AUTO_TEST_CASE(a_constructor_that_throws_leaves_nothing_in_the_frame)
{
    smart_alloc alloc;
    alloc.begin_frame();
    static_cast<void>(alloc.frame_alloc(layout{.bytes = 50}));
    expect_nothing_left(alloc, 1, true, [&] { alloc.frame_new<fragile>(); });
    expect_nothing_left(alloc, 1, true, [&] { alloc.try_frame_new<fragile>(); });
    expect_nothing_left(alloc, 1, false, [&] { alloc.frame_new<fragile_and_trivial>(); });
    expect_nothing_left(alloc, 1, true, [&] { auto const box = alloc.frame_box<fragile>(); });
    expect_nothing_left(alloc, 7, true, [&] { static_cast<void>(alloc.frame_array<fragile>(7)); });
    expect_nothing_left(alloc, 7, true, [&] { static_cast<void>(alloc.frame_array_for_overwrite<fragile>(7)); });
    expect_nothing_left(alloc, 7, true, [&] { static_cast<void>(alloc.try_frame_array<fragile>(7)); });
    expect_nothing_left(alloc, 7, false, [&] { static_cast<void>(alloc.frame_array<fragile_and_trivial>(7)); });
    // The array does not fit the first chunk: the chunk taken for it goes back.
    expect_nothing_left(alloc, 3, true, [&] { static_cast<void>(alloc.frame_array<fragile>(100'000)); });
    auto scope = alloc.frame_scope();
    expect_nothing_left(alloc, 2, true, [&] { static_cast<void>(scope.frame_array<fragile>(2)); });
    expect_nothing_left(alloc, 2, true, [&] { static_cast<void>(alloc.local().frame_array<fragile>(2)); });
}

BOOST_AUTO_TEST_CASE(a_constructor_that_throws_in_the_first_request_of_a_frame_leaves_nothing)
{
    smart_alloc alloc;
    for (int round = 0; round < 2; ++round) {
        alloc.begin_frame();
        expect_nothing_left(alloc, 1, true, [&] { alloc.frame_new<fragile>(); });
        BOOST_TEST(alloc.frame_new<int>(3) != nullptr);
        alloc.end_frame();
        alloc.begin_frame_all();
        expect_nothing_left(alloc, 1, true, [&] { alloc.frame_new<fragile>(); });
        BOOST_TEST(alloc.frame_new<int>(3) != nullptr);
        alloc.end_frame_all();
    }
}

BOOST_AUTO_TEST_CASE(a_constructor_that_throws_leaves_nothing_in_the_pool)
{
    smart_alloc alloc;
    expect_nothing_left(alloc, 1, true, [&] { static_cast<void>(alloc.pool_new<fragile>()); });
    expect_nothing_left(alloc, 1, true, [&] { static_cast<void>(alloc.try_pool_new<fragile>()); });
    expect_nothing_left(alloc, 1, true, [&] { static_cast<void>(alloc.pool_box<fragile>()); });
    expect_nothing_left(alloc, 9, true, [&] { static_cast<void>(alloc.pool_array<fragile>(9)); });
    expect_nothing_left(alloc, 9, false, [&] { static_cast<void>(alloc.try_pool_array<fragile_and_trivial>(9)); });
    expect_nothing_left(alloc, 9, true, [&] { static_cast<void>(alloc.pool_array<fragile>(2000)); });  // the heap's
}

BOOST_AUTO_TEST_CASE(a_constructor_that_throws_leaves_nothing_on_the_heap)
{
    smart_alloc alloc;
    expect_nothing_left(alloc, 1, true, [&] { static_cast<void>(alloc.heap_new<fragile>()); });
    expect_nothing_left(alloc, 1, true, [&] { static_cast<void>(alloc.try_heap_new<fragile>()); });
    expect_nothing_left(alloc, 1, true, [&] { static_cast<void>(alloc.heap_box<fragile>()); });
    expect_nothing_left(alloc, 9, true, [&] { static_cast<void>(alloc.heap_array<fragile>(9)); });
    expect_nothing_left(alloc, 9, false,
                        [&] { static_cast<void>(alloc.heap_array_for_overwrite<fragile_and_trivial>(9)); });
}

BOOST_AUTO_TEST_CASE(what_a_constructor_took_from_the_frame_before_it_threw_goes_with_it)
{
    struct allocates_and_throws {
        explicit allocates_and_throws(smart_alloc& alloc) {
            alloc.frame_new<fragile>();
            static_cast<void>(alloc.frame_array<fragile>(3));
            static_cast<void>(alloc.frame_alloc(layout{.bytes = 200'000}));  // in another chunk
            throw refusal{};
        }
        ~allocates_and_throws() { gone.push_back(-1); }
    };
    smart_alloc alloc;
    alloc.begin_frame();
    reset(0);
    alloc.frame_new<fragile>();
    std::size_t const before = alloc.stats().frame_bytes_used;
    std::size_t const reserved = alloc.stats().frame_bytes_reserved;
    BOOST_CHECK_THROW(alloc.frame_new<allocates_and_throws>(alloc), refusal);
    BOOST_TEST(alloc.stats().frame_bytes_used == before);
    BOOST_TEST(alloc.stats().frame_bytes_reserved == reserved);
    BOOST_TEST(gone == (std::vector<int>{4, 3, 2, 1}), boost::test_tools::per_element());
    BOOST_TEST(alive == 1);
    alloc.end_frame();
    BOOST_TEST(alive == 0);
}

#endif

BOOST_AUTO_TEST_SUITE_END()
