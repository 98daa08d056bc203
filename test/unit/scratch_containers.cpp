// SPDX-License-Identifier: MIT OR Apache-2.0
#include "support/test.hpp"

#include "support/failing.hpp"
#include "support/faults.hpp"

#include <framealloc/arena/fixed.hpp>
#include <framealloc/containers/soa_vector.hpp>
#include <framealloc/integration/scratch_pmr.hpp>
#include <framealloc/scratch/scratch_allocator.hpp>

#include <list>
#include <map>
#include <string>
#include <unordered_map>
#include <vector>

using namespace framealloc;
using namespace framealloc::test;

namespace {

using scratch_debug = scratch_arena_of<smart_alloc_debug>;
template <class T>
using in_scratch = scratch_allocator<T, scratch_debug>;

struct world {
    fault_recorder faults;
    smart_alloc_debug alloc;
    scratch_debug scratch{alloc, "parser"};
    ~world() { BOOST_TEST(faults.count() == 0u); }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(scratch_and_containers, world)

BOOST_AUTO_TEST_CASE(standard_containers_lie_in_it)
{
    for (int round = 0; round < 3; ++round) {
        {
            std::vector<int, in_scratch<int>> row{in_scratch<int>{scratch}};
            std::map<int, int, std::less<>, in_scratch<std::pair<int const, int>>> tree{in_scratch<int>{scratch}};
            std::unordered_map<int, int, std::hash<int>, std::equal_to<>, in_scratch<std::pair<int const, int>>> table{
                in_scratch<int>{scratch}};
            std::list<std::string, in_scratch<std::string>> names{in_scratch<std::string>{scratch}};
            for (int i = 0; i < 1000; ++i) {
                row.push_back(i);
                tree.emplace(i, -i);
                table.emplace(i, -i);
                names.push_back(std::to_string(i));
            }
            BOOST_TEST(row.back() == 999);
            BOOST_TEST(tree.at(500) == -500);
            BOOST_TEST(table.at(500) == -500);
            BOOST_TEST(names.back() == "999");
        }
        scratch.reset();
    }
}

BOOST_AUTO_TEST_CASE(what_a_container_gives_back_last_is_room_again)
{
    for (int round = 0; round < 1000; ++round) {
        std::vector<int, in_scratch<int>> row{in_scratch<int>{scratch}};
        row.reserve(100);
    }
    BOOST_TEST(scratch.stats().used_bytes == 0u);
    BOOST_TEST(scratch.stats().reserved_bytes == 65536u);
}

BOOST_AUTO_TEST_CASE(columns_grow_where_they_stand)
{
    basic_soa_vector<in_scratch<std::byte>, int, float> rows{scratch};
    rows.emplace_back(0, 0.0F);
    int const* const first = rows.column<0>().data();
    for (int i = 1; i < 5000; ++i) rows.emplace_back(i, float(i));
    BOOST_TEST(rows.column<0>().data() == first);
    BOOST_TEST((rows[4999].get<0>() == 4999 && rows[4999].get<1>() == 4999.0F));
    BOOST_TEST(rows.try_reserve(6000));
}

BOOST_AUTO_TEST_CASE(allocators_are_equal_in_one_arena_and_follow_moves)
{
    scratch_debug other{alloc, "other"};
    BOOST_TEST((in_scratch<int>{scratch} == in_scratch<char>{scratch}));
    BOOST_TEST((in_scratch<int>{scratch} != in_scratch<int>{other}));
    using vector = std::vector<int, in_scratch<int>>;
    vector a(100, 7, in_scratch<int>{scratch});
    vector b{in_scratch<int>{other}};
    int const* const address = a.data();
    b = std::move(a);
    BOOST_TEST(b.data() == address);
    BOOST_TEST((&b.get_allocator().arena() == &scratch));
    vector const c{b, in_scratch<int>{other}};
    BOOST_TEST((c == b));
}

BOOST_AUTO_TEST_CASE(a_resource_serves_pmr)
{
    scratch_resource resource{scratch};
    {
        std::pmr::vector<std::pmr::string> names{&resource};
        for (int i = 0; i < 100; ++i) names.emplace_back("a name that is too long for the string itself");
        BOOST_TEST(names.back().get_allocator().resource() == &resource);
    }
    scratch_resource const same{scratch};
    scratch_debug other_arena{alloc};
    scratch_resource const other{other_arena};
#if defined(__cpp_rtti)
    BOOST_TEST(resource.is_equal(same));
#endif
    BOOST_TEST(resource.is_equal(resource));
    BOOST_TEST(!resource.is_equal(other));
    BOOST_TEST(!resource.is_equal(*std::pmr::new_delete_resource()));
    BOOST_TEST(resource.allocate(0) != resource.allocate(0));
}

BOOST_FIXTURE_TEST_CASE(what_the_arena_has_no_room_for_is_refused, smart_alloc)
{
    scratch_arena<arena::fixed<1024>> small{*this, "small"};
    scratch_allocator<int, decltype(small)> from{small};
    scratch_resource resource{small};
    BOOST_TEST(how_it_fails([&] { static_cast<void>(from.allocate(1000)); }).code == fault_code::arena_exhausted);
    BOOST_TEST(how_it_fails([&] { static_cast<void>(resource.allocate(1000 * 4)); }).code == fault_code::arena_exhausted);
    BOOST_TEST(from.try_allocate(SIZE_MAX) == nullptr);
    int* const p = from.allocate(10);
    BOOST_TEST(from.try_resize(p, 10, 20));
    BOOST_TEST(!from.try_resize(p, 20, SIZE_MAX));
    BOOST_TEST(!from.try_resize(p, 20, 1000));
}

BOOST_AUTO_TEST_SUITE_END()
