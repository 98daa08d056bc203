// SPDX-License-Identifier: MIT OR Apache-2.0
#include "support/test.hpp"

#include "support/failing.hpp"

#include <framealloc/group/group_allocator.hpp>
#include <framealloc/integration/group_pmr.hpp>

#include <deque>
#include <list>
#include <map>
#include <memory_resource>
#include <string>
#include <thread>
#include <type_traits>
#include <unordered_map>
#include <vector>

using namespace framealloc;
using namespace framealloc::test;

namespace {

template <class T>
using in_group = group_allocator<T, smart_alloc_debug>;
using text = std::basic_string<char, std::char_traits<char>, in_group<char>>;

static_assert(std::is_same_v<std::allocator_traits<in_group<int>>::rebind_alloc<char>, in_group<char>>);
static_assert(std::is_nothrow_copy_constructible_v<in_group<int>>);
static_assert(sizeof(group_allocator<int>) == 2 * sizeof(void*));

}  // namespace

BOOST_AUTO_TEST_SUITE(containers_in_groups)

BOOST_AUTO_TEST_CASE(standard_containers_live_in_a_group)
{
    smart_alloc_debug alloc;
    for (bool const shared : {false, true}) {
        auto level = alloc.groups().create("level_1", {.shared = shared});
        {
            std::vector<int, in_group<int>> row{in_group<int>{level}};
            std::deque<int, in_group<int>> line{in_group<int>{level}};
            std::list<int, in_group<int>> chain{in_group<int>{level}};
            std::map<int, text, std::less<>, in_group<std::pair<int const, text>>> names{in_group<int>{level}};
            std::unordered_map<int, int, std::hash<int>, std::equal_to<>, in_group<std::pair<int const, int>>> hashed{
                in_group<int>{level}};
            for (int i = 0; i < 1000; ++i) {
                row.push_back(i);
                line.push_back(i);
                chain.push_front(i);
                names.emplace(i, text(50, char('a' + i % 26), in_group<char>{level}));
                hashed[i] = i;
            }
            for (int i = 0; i < 1000; i += 3) names.erase(i);
            BOOST_TEST(row[999] == 999);
            BOOST_TEST(line.back() == 999);
            BOOST_TEST(chain.front() == 999);
            BOOST_TEST(names.at(998).size() == 50u);
            BOOST_TEST(hashed.at(77) == 77);
            BOOST_TEST(level.owns(row.data()));
            BOOST_TEST(level.owns(names.at(1).data()));
        }
        level.free();
        BOOST_TEST(alloc.stats().heap_bytes_live == 0u);
    }
}

BOOST_AUTO_TEST_CASE(a_container_may_lie_in_the_group_and_goes_with_it)
{
    smart_alloc_debug alloc;
    auto level = alloc.groups().create("level_1");
    using row = std::vector<text, in_group<text>>;
    row* const names = level.make<row>(in_group<text>{level});
    for (int i = 0; i < 500; ++i) names->emplace_back(std::size_t{100}, 'n', in_group<char>{level});
    BOOST_TEST(level.owns(names));
    BOOST_TEST(level.owns(names->back().data()));
    level.free();
    BOOST_TEST(alloc.stats().heap_bytes_live == 0u);
}

BOOST_AUTO_TEST_CASE(scratch_containers_in_a_loop_use_the_same_bytes)
{
    smart_alloc_debug alloc;
    auto level = alloc.groups().create("level_1");
    group_resource resource{level};
    group_stats first;
    for (int round = 0; round < 100; ++round) {
        {
            std::vector<int, in_group<int>> hits(1000, round, in_group<int>{level});
            std::pmr::vector<int> more(500, round, &resource);
        }
        if (round == 0) first = level.stats();
        BOOST_TEST_REQUIRE(level.stats().bytes == first.bytes);
        BOOST_TEST_REQUIRE(level.stats().objects == 0u);
    }
}

BOOST_AUTO_TEST_CASE(allocators_of_one_group_are_equal_and_move_with_their_containers)
{
    smart_alloc_debug alloc;
    auto one = alloc.groups().create("one"), two = alloc.groups().create("two");
    BOOST_TEST((in_group<int>{one} == in_group<char>{one}));
    BOOST_TEST((in_group<int>{one} == in_group<int>{one.ref()}));
    BOOST_TEST((in_group<int>{one} != in_group<int>{two}));

    std::vector<int, in_group<int>> a(10, 1, in_group<int>{one}), b(20, 2, in_group<int>{two});
    int const* const where = a.data();
    b = std::move(a);  // takes the buffer, and the allocator
    BOOST_TEST(b.data() == where);
    BOOST_TEST((b.get_allocator() == in_group<int>{one}));
    std::vector<int, in_group<int>> c(3, 3, in_group<int>{two});
    c = b;  // copies, and stays where it is
    BOOST_TEST((c.get_allocator() == in_group<int>{two}));
    BOOST_TEST(two.owns(c.data()));
    swap(b, c);
    BOOST_TEST((b.get_allocator() == in_group<int>{two}));
    std::vector<int, in_group<int>> const copy = c;
    BOOST_TEST(one.owns(copy.data()));
}

BOOST_AUTO_TEST_CASE(polymorphic_containers_live_in_a_group)
{
    smart_alloc_debug alloc;
    auto level = alloc.groups().create("level_1"), other = alloc.groups().create();
    group_resource resource{level}, same{level.ref()}, another{other};
    {
        std::pmr::map<int, std::pmr::string> names{&resource};
        for (int i = 0; i < 300; ++i) names[i] = std::string(60, 'p');
        BOOST_TEST(level.owns(names[5].data()));
    }
    std::size_t odd = 3;  // not to be seen by the compiler, which would say so
    void* const aligned = resource.allocate(100, 4096);
    BOOST_TEST(reinterpret_cast<std::uintptr_t>(aligned) % 4096 == 0u);
    BOOST_TEST(resource.allocate(0, 1) != resource.allocate(0, 1));
    BOOST_TEST(resource.is_equal(resource));
    BOOST_TEST(!resource.is_equal(another));
#if defined(__cpp_rtti)
    BOOST_TEST(resource.is_equal(same));
    BOOST_TEST(!resource.is_equal(*std::pmr::new_delete_resource()));
#endif
    level.free();
    BOOST_TEST(how_it_fails([&] { static_cast<void>(resource.allocate(8)); }).code == fault_code::group_not_live);
    BOOST_TEST(how_it_fails([&] { static_cast<void>(another.allocate(8, odd)); }).code ==
               fault_code::impossible_alignment);
}

BOOST_AUTO_TEST_CASE(containers_on_several_threads_share_a_shared_group)
{
    smart_alloc alloc;
    auto level = alloc.groups().create("level_1", {.shared = true});
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t) {
        threads.emplace_back([&level] {
            std::map<int, int, std::less<>, group_allocator<std::pair<int const, int>>> mine{group_allocator<int>{level}};
            for (int i = 0; i < 1000; ++i) mine[i] = i;
            for (int i = 0; i < 1000; ++i) {
                if (mine.at(i) != i) std::abort();
            }
        });
    }
    for (std::thread& t : threads) t.join();
    level.free();
    BOOST_TEST(alloc.stats().heap_bytes_live == 0u);
}

BOOST_AUTO_TEST_SUITE_END()
