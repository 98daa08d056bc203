// SPDX-License-Identifier: MIT OR Apache-2.0
#include "support/test.hpp"

#include "support/failing.hpp"
#include "support/faults.hpp"

#include <framealloc/ambient_allocator.hpp>
#include <framealloc/arena/fixed.hpp>
#include <framealloc/arena/virtual_memory.hpp>
#include <framealloc/backend/faulting.hpp>
#include <framealloc/containers/soa_vector.hpp>
#include <framealloc/group/group_allocator.hpp>

#include <algorithm>
#include <memory>
#include <numeric>
#include <ranges>
#include <string>
#include <thread>
#include <vector>

using namespace framealloc;

namespace {

/// Counts what lives; its copies throw when they are told to, and so it is copied when rows move.
struct copied {
    static inline int alive = 0;
    [[maybe_unused]] static inline int copies_until_throw = -1;
    int value;
    copied(int v = 0) : value(v) { count(), ++alive; }
    copied(copied const& other) : value(other.value) { count(), ++alive; }
    ~copied() { --alive; }
    copied& operator=(copied const&) = default;
    bool operator==(copied const&) const = default;

private:
    static void count() {
#if FRAMEALLOC_EXCEPTIONS
        if (copies_until_throw >= 0 && copies_until_throw-- == 0) throw 7;
#endif
    }
};
/// Is moved, and points into itself: bytes alone would not do.
struct moved {
    static inline int alive = 0;
    int value;
    moved const* self = this;
    moved(int v = 0) : value(v) { ++alive; }
    moved(moved&& other) noexcept : value(other.value) { ++alive; }
    ~moved() { --alive; }
    bool operator==(moved const& other) const { return value == other.value; }
};
struct alignas(256) wide {
    int value = 0;
    bool operator==(wide const&) const = default;
};
struct point {
    float x, y, z;
    bool operator==(point const&) const = default;
};

struct watch_elements {
    watch_elements() { copied::alive = moved::alive = 0; }
    ~watch_elements() {
        BOOST_TEST(copied::alive == 0);
        BOOST_TEST(moved::alive == 0);
        BOOST_TEST(faults.count() == 0u);
    }
    test::fault_recorder faults;
};

// The debug assembly fills what is given back, and sees what is written beside a block.
using debug_alloc = smart_alloc_debug;
template <class... Fields>
using debug_soa = basic_soa_vector<pool_allocator<std::byte, debug_alloc>, Fields...>;
template <class... Fields>
using debug_frame_soa = basic_soa_vector<frame_buffer_allocator<std::byte, debug_alloc>, Fields...>;

template <class Alloc>
struct in_frame : Alloc {
    in_frame() { this->begin_frame(); }
    ~in_frame() { this->end_frame(); }
};

template <class T>
std::uintptr_t misaligned(T const* p, std::size_t align) { return reinterpret_cast<std::uintptr_t>(p) % align; }

}  // namespace

BOOST_FIXTURE_TEST_SUITE(soa_vectors, watch_elements)

BOOST_AUTO_TEST_CASE(it_holds_what_an_array_of_structures_would)
{
    struct particle {
        point at;
        char kind;
        std::string name;
        double weight;
    };
    debug_alloc alloc;
    std::vector<particle> rows;
    debug_soa<point, char, std::string, double> columns{alloc};
    unsigned random = 1;
    for (int i = 0; i < 5000; ++i) {
        random = random * 1664525 + 1013904223;
        switch (random >> 28) {
            case 0:
                if (!rows.empty()) rows.pop_back(), columns.pop_back();
                break;
            case 1:
                if (!rows.empty()) {
                    std::size_t const at = random % rows.size();
                    rows[at] = rows.back();
                    rows.pop_back();
                    columns.erase_unordered(at);
                }
                break;
            case 2: {
                std::size_t const from = random % (rows.size() + 1), to = from + (rows.size() - from) / 8;
                rows.erase(rows.begin() + std::ptrdiff_t(from), rows.begin() + std::ptrdiff_t(to));
                columns.erase(from, to);
                break;
            }
            default: {
                particle const p{{float(i), 1, 2}, char(i), std::to_string(random) + " of some length", i / 3.0};
                rows.push_back(p);
                columns.emplace_back(p.at, p.kind, p.name, p.weight);
            }
        }
    }
    BOOST_TEST_REQUIRE(columns.size() == rows.size());
    BOOST_TEST(rows.size() > 100u);
    for (std::size_t i = 0; i < rows.size(); ++i) {
        auto const [at, kind, name, weight] = columns[i];
        BOOST_TEST_REQUIRE((at == rows[i].at && kind == rows[i].kind && name == rows[i].name));
        BOOST_TEST_REQUIRE(weight == rows[i].weight);
    }
}

BOOST_AUTO_TEST_CASE(one_allocation_holds_all_columns_and_each_begins_on_a_cache_line)
{
    in_frame<debug_alloc> alloc;
    auto const look = [](auto& v) {
        for (int i = 0; i < 300; ++i) v.emplace_back(char(i), wide{i}, i, point{float(i), 0, 0});
        BOOST_TEST(misaligned(v.template column<0>().data(), 64) == 0u);
        BOOST_TEST(misaligned(v.template column<1>().data(), 256) == 0u);
        BOOST_TEST(misaligned(v.template column<2>().data(), 64) == 0u);
        BOOST_TEST(misaligned(v.template column<3>().data(), 64) == 0u);
        static_assert(std::remove_reference_t<decltype(v)>::template column_align<1> == 256);
        for (int i = 0; i < 300; ++i) {
            BOOST_TEST_REQUIRE((v[std::size_t(i)] == std::tuple{char(i), wide{i}, i, point{float(i), 0, 0}}));
        }
    };
    debug_soa<char, wide, int, point> pooled{alloc};
    look(pooled);
    BOOST_TEST(alloc.stats().pool_blocks_live + alloc.stats().heap_blocks_live == 1u);
    debug_frame_soa<char, wide, int, point> framed{alloc};
    look(framed);
}

BOOST_AUTO_TEST_CASE(its_object_is_a_pointer_per_column_two_numbers_and_the_allocator)
{
    static_assert(sizeof(soa_vector<int, float, double>) == (3 + 2 + 1) * sizeof(void*));
    static_assert(sizeof(frame_soa<char>) == (1 + 2 + 1) * sizeof(void*));
    using ambient = basic_soa_vector<std::allocator<std::byte>, int, float>;
    static_assert(sizeof(ambient) == (2 + 2) * sizeof(void*));
    ambient v;
    v.emplace_back(1, 2.0F);
    BOOST_TEST(v.column<float>()[0] == 2.0F);
}

BOOST_AUTO_TEST_CASE(rows_are_a_range_and_columns_are_spans)
{
    smart_alloc alloc;
    soa_vector<int, float> v{alloc};
    static_assert(std::ranges::random_access_range<decltype(v)> && std::ranges::sized_range<decltype(v)>);
    static_assert(std::random_access_iterator<decltype(v)::const_iterator>);
    // A row is no value: nothing may sort what only refers.
    static_assert(!std::permutable<decltype(v)::iterator>);
    for (int i = 0; i < 100; ++i) v.push_back(i, 0.5F);

    for (auto [i, f] : v) f += float(i);
    auto const& read = v;
    float sum = 0;
    for (auto [i, f] : read | std::views::filter([](auto row) { return row.template get<0>() % 2 == 0; })) {
        static_assert(std::is_same_v<decltype(f), float const&>);
        sum += f;
    }
    BOOST_TEST(sum == 2450.0F + 25.0F);
    auto [is, fs] = v.columns();
    BOOST_TEST(is.size() == 100u);
    BOOST_TEST(std::accumulate(is.begin(), is.end(), 0) == 4950);
    std::ranges::fill(fs, 1.0F);
    BOOST_TEST(v.back().get<1>() == 1.0F);
    BOOST_TEST(v.column<int>().data() == v.column<0>().data());
    BOOST_TEST(read.column<1>().data() == fs.data());
    BOOST_TEST((v.end() - v.begin() == 100));
    decltype(v)::const_iterator const there = v.begin() + 7;
    BOOST_TEST((*there).get<0>() == 7);
    std::tuple<int, float> const value = v.front();
    BOOST_TEST(std::get<1>(value) == 1.0F);
    static_assert(!std::is_copy_assignable_v<decltype(v)::reference>);
}

BOOST_AUTO_TEST_CASE(a_row_may_be_made_of_a_row_while_the_columns_grow)
{
    in_frame<debug_alloc> alloc;
    debug_soa<std::string, int> moved_rows{alloc};
    debug_frame_soa<int, point> byte_rows{alloc};
    moved_rows.emplace_back("the first, and all others are made of it", 1);
    byte_rows.emplace_back(1, point{1, 2, 3});
    for (int i = 0; i < 1000; ++i) {
        moved_rows.emplace_back(moved_rows.front().get<0>(), moved_rows.back().get<1>() + 1);
        byte_rows.emplace_back(byte_rows.back().get<0>() + 1, byte_rows.front().get<1>());
    }
    BOOST_TEST(moved_rows.back().get<0>() == "the first, and all others are made of it");
    BOOST_TEST(moved_rows.back().get<1>() == 1001);
    BOOST_TEST((byte_rows.back() == std::tuple{1001, point{1, 2, 3}}));
}

BOOST_AUTO_TEST_CASE(fields_that_point_into_themselves_are_moved_by_their_constructor)
{
    debug_alloc alloc;
    debug_soa<moved, char> v{alloc};
    for (int i = 0; i < 500; ++i) v.emplace_back(i, 'c');
    v.erase_unordered(0);
    v.erase(100, 200);
    int const all = moved::alive;
    BOOST_TEST(all == 399);
    for (moved const& m : v.column<moved>()) BOOST_TEST_REQUIRE(m.self == &m);
    BOOST_TEST(v.front().get<0>().value == 499);
    BOOST_TEST(v[100].get<0>().value == 200);
    debug_soa<std::unique_ptr<int>, int> owners{alloc};
    for (int i = 0; i < 100; ++i) owners.emplace_back(std::make_unique<int>(i), i);
    for (auto [p, i] : owners) BOOST_TEST_REQUIRE(*p == i);
}

BOOST_AUTO_TEST_CASE(resizing_makes_values_and_destroys_the_last_ones)
{
    debug_alloc alloc;
    debug_soa<int, copied, double> v{alloc};
    v.resize(1000);
    BOOST_TEST(copied::alive == 1000);
    for (auto [i, c, d] : v) BOOST_TEST_REQUIRE((i == 0 && c.value == 0 && d == 0.0));
    v.resize(10);
    BOOST_TEST(copied::alive == 10);
    std::size_t const capacity = v.capacity();
    BOOST_TEST(capacity >= 1000u);
    v.resize_for_overwrite(20);
    BOOST_TEST(v.capacity() == capacity);
    v.emplace_back();
    BOOST_TEST(v.back().get<0>() == 0);
    v.shrink_to_fit();
    BOOST_TEST(v.capacity() == 21u);
    v.clear();
    v.shrink_to_fit();
    BOOST_TEST(v.capacity() == 0u);
    BOOST_TEST(alloc.stats().pool_blocks_live + alloc.stats().heap_blocks_live == 0u);
    BOOST_TEST((v.begin() == v.end()));
    BOOST_TEST(v.column<0>().empty());
}

BOOST_AUTO_TEST_CASE(reserved_rows_do_not_move)
{
    debug_alloc alloc;
    debug_soa<int, std::string> v{alloc, 1000};
    BOOST_TEST(v.capacity() == 1000u);
    v.emplace_back(0, "");
    auto const* const first = v.column<0>().data();
    auto const* const text = v.column<1>().data();
    while (v.size() < 1000) v.emplace_back(int(v.size()), "text");
    BOOST_TEST(v.column<0>().data() == first);
    BOOST_TEST(v.column<1>().data() == text);
    v.reserve(10);
    BOOST_TEST(v.column<0>().data() == first);
}

BOOST_AUTO_TEST_CASE(copies_moves_and_swaps_follow_the_allocators)
{
    debug_alloc one, two;
    using vector = debug_soa<int, std::string, moved>;
    using copyable = debug_soa<int, std::string, copied>;
    copyable a{one};
    for (int i = 0; i < 100; ++i) a.emplace_back(i, std::to_string(i) + " and more than fits in", i);
    copyable const copy{a};
    BOOST_TEST((copy == a));
    BOOST_TEST((copy.get_allocator() == a.get_allocator()));
    copyable b{a, copyable::allocator_type{two}};
    BOOST_TEST((b == a));
    BOOST_TEST((b.get_allocator() != a.get_allocator()));
    int const* const address = a.column<0>().data();
    b = std::move(a);
    BOOST_TEST(b.column<0>().data() == address);
    BOOST_TEST((b.get_allocator() == copyable::allocator_type{one}));
    BOOST_TEST(a.empty());
    a = b;
    BOOST_TEST((a == b));
    copyable const& itself = a;
    a = itself;
    BOOST_TEST((a == b));
    a.pop_back();
    BOOST_TEST(!(a == b));
    swap(a, b);
    BOOST_TEST(a.column<0>().data() == address);

    vector c{one};
    for (int i = 0; i < 100; ++i) c.emplace_back(i, "text", i);
    vector d{std::move(c), vector::allocator_type{two}};  // another instance: row by row
    BOOST_TEST(c.empty());
    BOOST_TEST(d.size() == 100u);
    BOOST_TEST(d[99].get<2>().value == 99);
    for (moved const& m : d.column<moved>()) BOOST_TEST_REQUIRE(m.self == &m);
    vector e{std::move(d)};
    BOOST_TEST(e.size() == 100u);
}

BOOST_AUTO_TEST_CASE(any_allocator_will_do)
{
    in_frame<debug_alloc> alloc;
    auto const fill = [](auto& v) {
        for (int i = 0; i < 1000; ++i) v.emplace_back(i, double(i));
        auto const ints = v.template column<int>();
        BOOST_TEST(std::accumulate(ints.begin(), ints.end(), 0) == 499500);
    };
    basic_soa_vector<heap_allocator<std::byte, debug_alloc>, int, double> heap{alloc};
    fill(heap);
    basic_soa_vector<frame_allocator<std::byte, debug_alloc>, int, double> frame{alloc};
    fill(frame);
    auto level = alloc.groups().create("level");
    {
        basic_soa_vector<group_allocator<std::byte, debug_alloc>, int, double> grouped{level};
        fill(grouped);
    }
    basic_soa_vector<std::allocator<std::byte>, int, double> standard;
    fill(standard);
    smart_alloc current;
    current_instance const here{current};
    basic_soa_vector<ambient_pool_allocator<std::byte>, int, double> ambient;
    fill(ambient);
}

BOOST_AUTO_TEST_CASE(in_a_frame_it_grows_where_it_stands_and_leaves_nothing_behind)
{
    in_frame<debug_alloc> alloc;
    {
        debug_frame_soa<int, char, point> v{alloc};
        v.emplace_back(0, 'a', point{});
        int const* const address = v.column<0>().data();
        for (int i = 1; i < 1500; ++i) v.emplace_back(i, char(i), point{float(i), 0, 0});
        BOOST_TEST(v.column<0>().data() == address);
        BOOST_TEST(alloc.stats().operations.frame_allocations == 1u);
        for (int i = 1; i < 1500; ++i) {
            BOOST_TEST_REQUIRE((v[std::size_t(i)] == std::tuple{i, char(i), point{float(i), 0, 0}}));
        }
        std::size_t const grown = alloc.stats().frame_bytes_used;
        v.resize(100);
        v.shrink_to_fit();
        BOOST_TEST(v.capacity() == 100u);
        BOOST_TEST(alloc.stats().frame_bytes_used < grown / 8);
        BOOST_TEST((v[99] == std::tuple{99, char(99), point{99, 0, 0}}));
        v.clear();
        v.shrink_to_fit();
        BOOST_TEST(v.capacity() == 0u);
        v.emplace_back(7, 'c', point{});
    }
    BOOST_TEST(alloc.stats().frame_bytes_used == 0u);
}

BOOST_AUTO_TEST_CASE(in_a_frame_what_comes_in_between_makes_it_move_once)
{
    in_frame<debug_alloc> alloc;
    debug_frame_soa<int, double> v{alloc, 16};
    for (int i = 0; i < 16; ++i) v.emplace_back(i, i);
    int* const between = alloc.frame_alloc<int>();
    *between = 77;
    int const* const before = v.column<0>().data();
    v.shrink_to_fit();
    BOOST_TEST(v.capacity() == 16u);
    v.emplace_back(16, 16);
    BOOST_TEST(v.column<0>().data() != before);
    int const* const after = v.column<0>().data();
    for (int i = 17; i < 1000; ++i) v.emplace_back(i, i);
    BOOST_TEST(v.column<0>().data() == after);
    for (int i = 0; i < 1000; ++i) BOOST_TEST_REQUIRE((v[std::size_t(i)] == std::tuple{i, double(i)}));
    BOOST_TEST(*between == 77);
    {
        auto scope = alloc.frame_scope();
        v.resize(10);
        v.shrink_to_fit();  // may not go below where the scope begins
        debug_frame_soa<int> inner{alloc};
        for (int i = 0; i < 100; ++i) inner.emplace_back(-1);
    }
    for (int i = 0; i < 10; ++i) BOOST_TEST_REQUIRE((v[std::size_t(i)] == std::tuple{i, double(i)}));
}

BOOST_AUTO_TEST_CASE(it_fills_an_arena_nearly_to_the_end_in_few_steps_and_then_refuses)
{
    using small = basic_smart_alloc<arena::fixed<65536>>;
    in_frame<small> alloc;
    basic_soa_vector<frame_buffer_allocator<std::byte, small>, char, int> v{alloc};
    [[maybe_unused]] std::size_t steps = 0;
    auto const seen = test::how_it_fails([&] {
        for (std::size_t before = 0;; before = v.capacity()) {
            v.emplace_back(char(v.size()), int(v.size()));
            if (v.capacity() != before) ++steps;
        }
    });
    BOOST_TEST(seen.code == fault_code::arena_exhausted);
#if FRAMEALLOC_EXCEPTIONS
    BOOST_TEST(v.size() * 5 > 65536u - 5 * 16 - 2 * 64);
    BOOST_TEST(v.size() == v.capacity());
    BOOST_TEST(steps < 60u);
    for (std::size_t i = 0; i < v.size(); ++i) BOOST_TEST_REQUIRE((v[i] == std::tuple{char(i), int(i)}));
    BOOST_TEST(!v.try_reserve(v.size() + 1));
#endif
}

BOOST_AUTO_TEST_CASE(many_rows_may_be_read_while_columns_are_written_by_a_thread_each)
{
    smart_alloc alloc;
    soa_vector<int, long> v{alloc};
    v.resize(10'000);
    std::thread first{[is = v.column<int>()] { std::iota(is.begin(), is.end(), 0); }};
    std::thread second{[ls = v.column<long>()] { std::iota(ls.begin(), ls.end(), 5L); }};
    first.join();
    second.join();
    for (auto [i, l] : v) BOOST_TEST_REQUIRE(l == i + 5);
}

BOOST_AUTO_TEST_CASE(a_number_of_rows_that_nothing_can_hold_is_refused)
{
    debug_alloc alloc;
    debug_soa<int, double, char> v{alloc};
    v.emplace_back(1, 2, 'c');
    for (std::size_t const rows : {SIZE_MAX, SIZE_MAX - 1, SIZE_MAX / 2, SIZE_MAX / 8, SIZE_MAX / 13, SIZE_MAX / 16}) {
        auto const seen = test::how_it_fails([&] { v.reserve(rows); });
        BOOST_TEST(seen.code == fault_code::impossible_size);
        auto const grown = test::how_it_fails([&] { v.resize(rows); });
        BOOST_TEST(grown.code == fault_code::impossible_size);
    }
    BOOST_TEST(v.size() == 1u);
    BOOST_TEST((v[0] == std::tuple{1, 2.0, 'c'}));

    in_frame<debug_alloc> framed;
    debug_frame_soa<int, double> f{framed};
    f.emplace_back(1, 2);
    BOOST_TEST(test::how_it_fails([&] { f.resize(SIZE_MAX - 1); }).code == fault_code::impossible_size);
    BOOST_TEST((f[0] == std::tuple{1, 2.0}));
}

#if FRAMEALLOC_EXCEPTIONS

BOOST_AUTO_TEST_CASE(whatever_throws_it_is_as_it_was)
{
    in_frame<debug_alloc> alloc;
    using vector = debug_soa<int, copied, moved, std::string, copied>;
    copied const five{5};
    auto const holds = [](vector const& v, std::size_t n) {
        if (v.size() != n) return false;
        for (std::size_t i = 0; i < n; ++i) {
            auto const [a, b, c, d, e] = v[i];
            if (a != int(i) || b.value != a || c.value != a || c.self != &c || d != std::to_string(i) || e.value != a)
                return false;
        }
        return true;
    };
    for (int at = 0; at < 60; ++at) {
        vector v{alloc, 10};
        for (int i = 0; i < 10; ++i) v.emplace_back(i, i, i, std::to_string(i), i);
        copied::copies_until_throw = at;
        try {
            v.emplace_back(10, five, 10, "10", five);  // grows: twenty copies of rows, and two of the new one
            BOOST_TEST(at >= 22);
        } catch (int) {
            BOOST_TEST(at < 22);
            BOOST_TEST_REQUIRE(holds(v, 10));
            copied::copies_until_throw = at;
            try {
                v.resize(25);
                BOOST_TEST(false);
            } catch (int) {
                BOOST_TEST_REQUIRE(holds(v, 10));
            }
        }
        copied::copies_until_throw = -1;
    }
    debug_soa<int, copied> original{alloc};
    for (int i = 0; i < 10; ++i) original.emplace_back(i, i);
    debug_soa<int, copied> target{alloc};
    target.emplace_back(77, 77);
    copied::copies_until_throw = 5;
    BOOST_CHECK_THROW(target = original, int);
    copied::copies_until_throw = -1;
    BOOST_TEST((target.size() == 1 && target[0] == std::tuple{77, copied{77}}));
}

BOOST_AUTO_TEST_CASE(a_constructor_that_throws_while_a_frame_vector_grows_leaves_it_as_it_was)
{
    struct throws {
        int value;
        throws(int v) : value(v) {
            if (v < 0) throw 7;
        }
    };
    in_frame<debug_alloc> alloc;
    debug_frame_soa<int, throws> v{alloc, 4};
    for (int i = 0; i < 4; ++i) v.emplace_back(i, i);
    std::size_t const used = alloc.stats().frame_bytes_used;
    BOOST_CHECK_THROW(v.emplace_back(4, -1), int);
    BOOST_TEST(v.size() == 4u);
    BOOST_TEST(v.capacity() == 4u);
    BOOST_TEST(alloc.stats().frame_bytes_used == used);
    v.emplace_back(4, 4);
    for (int i = 0; i < 5; ++i) BOOST_TEST(v[std::size_t(i)].get<1>().value == i);
}

BOOST_AUTO_TEST_CASE(out_of_memory_at_every_call_loses_nothing)
{
    using faulting = basic_smart_alloc<backend::faulting<backend::system>, diagnostics::checked>;
    std::size_t points = 0;
    for (std::uint64_t n = 1;; ++n) {
        faulting alloc{alloc_config{.heap_cache_bytes = 0, .retained_slabs = 0, .region_bytes = 256_KiB}};
        alloc.begin_frame();
        bool was_refused = false;
        {
            // Pools, heap and frame: bytes where they stand, moves, and copies.
            basic_soa_vector<pool_allocator<std::byte, faulting>, int, std::string> pooled{alloc};
            basic_soa_vector<heap_allocator<std::byte, faulting>, int, copied> heap{alloc};
            basic_soa_vector<frame_buffer_allocator<std::byte, faulting>, int, point> framed{alloc};
            alloc.backend().fail_all(backend::fault_plan::once(n));
            auto const attempt = [&](auto&& call, auto const& v) {
                std::size_t const size = v.size(), capacity = v.capacity();
                try {
                    call();
                } catch (allocation_failure const& e) {
                    BOOST_TEST(e.code() == fault_code::out_of_memory);
                    BOOST_TEST(v.size() == size);
                    BOOST_TEST(v.capacity() == capacity);
                    was_refused = true;
                    alloc.backend().fail_all(backend::fault_plan::never());
                    call();
                }
            };
            for (int i = 0; i < 20'000; ++i) {
                attempt([&] { framed.emplace_back(i, point{float(i), 0, 0}); }, framed);
                if (i >= 2000) continue;
                attempt([&] { pooled.emplace_back(i, std::to_string(i)); }, pooled);
                attempt([&] { heap.emplace_back(i, i); }, heap);
                if (i % 100 == 0) static_cast<void>(alloc.try_frame_alloc({.bytes = 16}));
            }
            for (std::size_t i = 0; i < 2000; ++i) {
                BOOST_TEST_REQUIRE((pooled[i] == std::tuple{int(i), std::to_string(i)}));
                BOOST_TEST_REQUIRE((heap[i] == std::tuple{int(i), copied{int(i)}}));
            }
            for (std::size_t i = 0; i < framed.size(); ++i) {
                BOOST_TEST_REQUIRE((framed[i] == std::tuple{int(i), point{float(i), 0, 0}}));
            }
        }
        alloc.backend().fail_all(backend::fault_plan::never());
        BOOST_TEST(alloc.stats().pool_blocks_live + alloc.stats().heap_blocks_live == 0u);
        alloc.end_frame();
        BOOST_TEST(bool(alloc.verify()));
        if (!was_refused && n > 40) break;
        points += was_refused;
    }
    BOOST_TEST(points > 15u);
}

#endif

BOOST_AUTO_TEST_CASE(memory_that_is_refused_is_answered_without_throwing)
{
    using faulting = basic_smart_alloc<backend::faulting<backend::system>>;
    faulting alloc{alloc_config{.heap_cache_bytes = 0}};
    basic_soa_vector<heap_allocator<std::byte, faulting>, int, double> v{alloc};
    v.emplace_back(1, 2);
    alloc.backend().fail_all(backend::fault_plan::from(1));
    BOOST_TEST(!v.try_reserve(10'000));
    BOOST_TEST(v.size() == 1u);
    BOOST_TEST((v[0] == std::tuple{1, 2.0}));
    alloc.backend().fail_all(backend::fault_plan::never());
    BOOST_TEST(v.try_reserve(10'000));
    BOOST_TEST(v.capacity() >= 10'000u);
    BOOST_TEST((v[0] == std::tuple{1, 2.0}));
}

BOOST_AUTO_TEST_SUITE_END()
