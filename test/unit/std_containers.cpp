// SPDX-License-Identifier: MIT OR Apache-2.0
#include "support/test.hpp"

#include "support/failing.hpp"
#include "support/faults.hpp"

#include <framealloc/allocator.hpp>

#include <deque>
#include <list>
#include <map>
#include <memory>
#include <numeric>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

using namespace framealloc;

namespace {

// The debug assembly: it names every wrong size, double free and foreign pointer that a container's use would be.
using alloc_type = smart_alloc_debug;
template <class T>
using in_frame = frame_allocator<T, alloc_type>;
template <class T>
using in_pool = pool_allocator<T, alloc_type>;
template <class T>
using on_heap = heap_allocator<T, alloc_type>;

/// Two instances with a frame open in each; at the end nothing is left and nothing was reported.
struct two_instances {
    alloc_type one;
    alloc_type two;
    test::fault_recorder faults;
    two_instances() {
        one.begin_frame();
        two.begin_frame();
    }
    ~two_instances() {
        one.end_frame();
        two.end_frame();
        for (alloc_type* a : {&one, &two}) {
            BOOST_TEST(a->stats().pool_blocks_live == 0u);
            BOOST_TEST(a->stats().heap_blocks_live == 0u);
            BOOST_TEST(bool(a->verify()));
        }
        BOOST_TEST(faults.count() == 0u);
    }
};

template <class Container, class Fill>
void copies_moves_and_swaps(alloc_type& one, alloc_type& two, Fill&& fill)
{
    using allocator = typename Container::allocator_type;
    allocator const in_one{one};
    allocator const in_two{two};
    Container original(in_one);
    fill(original, 500);

    Container const copy(original);
    BOOST_TEST((copy == original));
    BOOST_TEST((copy.get_allocator() == in_one));

    Container elsewhere(original, in_two);
    BOOST_TEST((elsewhere == original));
    BOOST_TEST((elsewhere.get_allocator() == in_two));

    // Assignment copies the elements and keeps the allocator.
    Container assigned(in_two);
    fill(assigned, 3);
    assigned = original;
    BOOST_TEST((assigned == original));
    BOOST_TEST((assigned.get_allocator() == in_two));

    // A move takes the allocator along, so that nothing is copied.
    Container moved_into(in_two);
    moved_into = std::move(assigned);
    Container source(original);
    auto const* const first = &*source.begin();
    moved_into = std::move(source);
    BOOST_TEST((moved_into.get_allocator() == in_one));
    BOOST_TEST(&*moved_into.begin() == first);
    BOOST_TEST((moved_into == copy));

    Container const moved(std::move(moved_into));
    BOOST_TEST(&*moved.begin() == first);

    // A swap exchanges elements and allocators, also between instances.
    Container left(original);
    Container right(in_two);
    fill(right, 7);
    Container const right_before(right);
    auto const* const first_left = &*left.begin();
    swap(left, right);
    BOOST_TEST((left.get_allocator() == in_two));
    BOOST_TEST((right.get_allocator() == in_one));
    BOOST_TEST(&*right.begin() == first_left);
    BOOST_TEST((left == right_before));
    BOOST_TEST((right == original));

    original.clear();
    fill(original, 10);
    BOOST_TEST(original.size() == 10u);
}

auto const append = [](auto& c, int n) {
    for (int i = 0; i < n; ++i) c.push_back(static_cast<typename std::remove_reference_t<decltype(c)>::value_type>(i));
};
auto const enter = [](auto& c, int n) {
    for (int i = 0; i < n; ++i) c.emplace(i, i * i);
};
auto const put = [](auto& c, int n) {
    for (int i = 0; i < n; ++i) c.insert(n - i);
};

template <template <class> class Allocator>
void every_container_works(two_instances& t)
{
    using pair = std::pair<int const, int>;
    using string = std::basic_string<char, std::char_traits<char>, Allocator<char>>;
    copies_moves_and_swaps<std::vector<int, Allocator<int>>>(t.one, t.two, append);
    copies_moves_and_swaps<std::deque<int, Allocator<int>>>(t.one, t.two, append);
    copies_moves_and_swaps<std::list<int, Allocator<int>>>(t.one, t.two, append);
    copies_moves_and_swaps<std::map<int, int, std::less<>, Allocator<pair>>>(t.one, t.two, enter);
    copies_moves_and_swaps<std::set<int, std::less<>, Allocator<int>>>(t.one, t.two, put);
    copies_moves_and_swaps<std::unordered_map<int, int, std::hash<int>, std::equal_to<>, Allocator<pair>>>(t.one, t.two,
                                                                                                          enter);
    copies_moves_and_swaps<string>(t.one, t.two, append);
}

template <template <class> class Allocator>
void the_requirements_hold(alloc_type& one, alloc_type& two)
{
    using allocator = Allocator<int>;
    using traits = std::allocator_traits<allocator>;
    static_assert(!traits::propagate_on_container_copy_assignment::value);
    static_assert(traits::propagate_on_container_move_assignment::value);
    static_assert(traits::propagate_on_container_swap::value);
    static_assert(!traits::is_always_equal::value);
    static_assert(std::is_same_v<typename traits::template rebind_alloc<double>, Allocator<double>>);
    static_assert(std::is_nothrow_copy_constructible_v<allocator> && std::is_nothrow_copy_assignable_v<allocator>);
    static_assert(sizeof(allocator) == sizeof(void*));
    static_assert(!std::is_default_constructible_v<allocator>);

    allocator const a{one};
    allocator const b{two};
    BOOST_TEST((a == allocator{one}));
    BOOST_TEST((a != b));
    Allocator<double> const other{a};
    BOOST_TEST((other == a));
    BOOST_TEST((allocator{other} == a));
    BOOST_TEST((traits::select_on_container_copy_construction(a) == a));

    // Over-aligned elements are aligned.
    struct alignas(128) wide {
        char c;
    };
    std::vector<wide, Allocator<wide>> row(9, Allocator<wide>{one});
    BOOST_TEST(reinterpret_cast<std::uintptr_t>(row.data()) % 128 == 0u);

    auto const seen = test::how_it_fails([&] {
        std::size_t const volatile many = SIZE_MAX / 2;
        allocator mine{one};
        static_cast<void>(mine.allocate(many));
    });
    BOOST_TEST(seen.code == fault_code::impossible_size);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(std_containers)

BOOST_FIXTURE_TEST_CASE(containers_live_in_a_frame, two_instances) { every_container_works<in_frame>(*this); }
BOOST_FIXTURE_TEST_CASE(containers_live_in_pools, two_instances) { every_container_works<in_pool>(*this); }
BOOST_FIXTURE_TEST_CASE(containers_live_on_the_heap, two_instances) { every_container_works<on_heap>(*this); }

BOOST_FIXTURE_TEST_CASE(the_allocators_meet_the_standards_requirements, two_instances)
{
    the_requirements_hold<in_frame>(one, two);
    the_requirements_hold<in_pool>(one, two);
    the_requirements_hold<on_heap>(one, two);
}

BOOST_FIXTURE_TEST_CASE(the_default_instance_type_is_smart_alloc, two_instances)
{
    smart_alloc alloc;
    std::vector<int, pool_allocator<int>> numbers(100, 7, pool_allocator<int>{alloc});
    BOOST_TEST(alloc.stats().pool_blocks_live == 1u);
    BOOST_TEST(std::accumulate(numbers.begin(), numbers.end(), 0) == 700);
}

BOOST_FIXTURE_TEST_CASE(a_container_takes_its_memory_where_its_allocator_says, two_instances)
{
    operation_counts const before = one.stats().operations;
    {
        std::vector<int, in_frame<int>> frame(10, in_frame<int>{one});
        std::vector<int, in_pool<int>> pool(10, in_pool<int>{one});
        std::vector<int, on_heap<int>> heap(10, on_heap<int>{one});
    }
    operation_counts const after = one.stats().operations;
    BOOST_TEST(after.frame_allocations - before.frame_allocations == 1u);
    BOOST_TEST(after.pool_allocations - before.pool_allocations == 1u);
    BOOST_TEST(after.heap_allocations - before.heap_allocations == 1u);
    BOOST_TEST(two.stats().operations.pool_allocations == 0u);
}

BOOST_FIXTURE_TEST_CASE(containers_nest_with_allocators_of_their_own, two_instances)
{
    using string = std::basic_string<char, std::char_traits<char>, in_pool<char>>;
    using entry = std::pair<string const, std::vector<int, on_heap<int>>>;
    std::map<string, std::vector<int, on_heap<int>>, std::less<>, in_frame<entry>> index(in_frame<entry>{one});
    for (int i = 0; i < 50; ++i) {
        string name("a name too long for the string itself ", in_pool<char>{one});
        name += std::to_string(i).c_str();
        index.emplace(name, std::vector<int, on_heap<int>>(static_cast<std::size_t>(i), i, on_heap<int>{two}));
    }
    BOOST_TEST(index.size() == 50u);
    BOOST_TEST(index.rbegin()->second.size() == 9u);
    BOOST_TEST(two.stats().heap_blocks_live == 49u);
}

BOOST_FIXTURE_TEST_CASE(shared_pointers_come_from_a_pool, two_instances)
{
    auto const shared = std::allocate_shared<std::string>(in_pool<std::string>{one}, "from a pool");
    std::weak_ptr<std::string> const weak = shared;
    BOOST_TEST(one.stats().pool_blocks_live == 1u);
    BOOST_TEST(*weak.lock() == "from a pool");
}

BOOST_FIXTURE_TEST_CASE(list_nodes_come_and_go_by_the_ten_thousands, two_instances)
{
    std::list<int, in_pool<int>> list(in_pool<int>{one});
    for (int round = 0; round < 4; ++round) {
        for (int i = 0; i < 40'000; ++i) list.push_back(i);
        list.sort([](int a, int b) { return a > b; });
        BOOST_TEST(list.front() == 39'999);
        BOOST_TEST(one.stats().pool_blocks_live == 40'000u);
        list.clear();
        BOOST_TEST(one.stats().pool_blocks_live == 0u);
    }
}

BOOST_AUTO_TEST_SUITE_END()
