// SPDX-License-Identifier: MIT OR Apache-2.0
#include "support/test.hpp"

#include "support/failing.hpp"
#include "support/faults.hpp"

#include <framealloc/arena/chunked.hpp>
#include <framealloc/arena/fixed.hpp>
#include <framealloc/backend/faulting.hpp>
#include <framealloc/containers/frame_flat_map.hpp>
#include <framealloc/containers/frame_flat_set.hpp>
#include <framealloc/containers/frame_string.hpp>

#include <random>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <utility>

using namespace framealloc;

// The tables and strings are Boost's and the standard's. What is looked at here is that they lie in the frame, keep their promises
// about capacity, lose nothing when memory is refused, and leave nothing behind.

namespace {

// The debug assembly fills what is given back, so that entries in memory that is not theirs any more are seen.
using alloc_type = smart_alloc_debug;
using text = basic_frame_string<char, alloc_type>;
template <class Key, class T, class Alloc = alloc_type>
using map_of = frame_flat_map<Key, T, boost::hash<Key>, std::equal_to<Key>, Alloc>;
template <class Key, class Alloc = alloc_type>
using set_of = frame_flat_set<Key, boost::hash<Key>, std::equal_to<Key>, Alloc>;

template <class Alloc>
struct in_frame : Alloc {
    in_frame() { this->begin_frame(); }
    ~in_frame() { this->end_frame(); }
    std::size_t used() { return this->stats().frame_bytes_used; }
};

/// Counts what lives.
struct value {
    static inline int alive = 0;
    int n;
    value(int v = 0) : n(v) { ++alive; }
    value(value const& other) : n(other.n) { ++alive; }
    value(value&& other) noexcept : n(other.n) { ++alive; }
    value& operator=(value const&) = default;
    ~value() { --alive; }
    bool operator==(value const&) const = default;
};

struct nothing_is_left {
    ~nothing_is_left() {
        BOOST_TEST(value::alive == 0);
        BOOST_TEST(faults.count() == 0u);
    }
    test::fault_recorder faults;
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(frame_collections, nothing_is_left)

BOOST_AUTO_TEST_CASE(a_map_does_what_the_standard_one_does)
{
    in_frame<alloc_type> alloc;
    map_of<int, value> ours{alloc};
    std::unordered_map<int, value> model;
    std::mt19937 random{7};
    for (int i = 0; i < 20'000; ++i) {
        int const key = int(random() % 500);
        switch (random() % 4) {
            case 0: BOOST_TEST_REQUIRE(ours.erase(key) == model.erase(key)); break;
            case 1: ours[key] = model[key] = value{i}; break;
            case 2: BOOST_TEST_REQUIRE(ours.emplace(key, i).second == model.emplace(key, i).second); break;
            case 3: BOOST_TEST_REQUIRE(ours.contains(key) == model.contains(key)); break;
        }
        BOOST_TEST_REQUIRE(ours.size() == model.size());
    }
    for (auto const& [key, v] : model) BOOST_TEST_REQUIRE(ours.at(key).n == v.n);
}

BOOST_AUTO_TEST_CASE(a_set_does_what_the_standard_one_does)
{
    in_frame<alloc_type> alloc;
    set_of<unsigned> ours{alloc};
    std::unordered_set<unsigned> model;
    std::mt19937 random{7};
    for (int i = 0; i < 20'000; ++i) {
        unsigned const key = unsigned(random() % 700);
        if (random() % 3 == 0) {
            BOOST_TEST_REQUIRE(ours.erase(key) == model.erase(key));
        } else {
            BOOST_TEST_REQUIRE(ours.insert(key).second == model.insert(key).second);
        }
    }
    BOOST_TEST(ours.size() == model.size());
    for (unsigned const key : model) BOOST_TEST_REQUIRE(ours.contains(key));
}

BOOST_AUTO_TEST_CASE(below_the_capacity_that_it_was_given_a_table_takes_nothing_more_and_moves_nothing)
{
    // At capacities of 0 and 1, too: the one that this was learnt from held nothing there.
    for (std::size_t const capacity : {0u, 1u, 2u, 13u, 14u, 15u, 500u}) {
        in_frame<alloc_type> alloc;
        map_of<int, value> m{alloc, capacity};
        set_of<int> s{alloc, capacity};
        std::size_t const used = alloc.used();
        value const* first = nullptr;
        for (int i = 0; i < int(capacity); ++i) {
            m.emplace(i, i);
            s.insert(i);
            if (i == 0) first = &m.at(0);
        }
        BOOST_TEST(m.size() == capacity);
        BOOST_TEST(s.size() == capacity);
        BOOST_TEST(alloc.used() == used);
        if (capacity != 0) BOOST_TEST(&m.at(0) == first);
        m.emplace(-1, 5);  // and one more goes in as well
        BOOST_TEST(m.at(-1).n == 5);
    }
}

BOOST_AUTO_TEST_CASE(a_string_does_not_take_more_below_the_capacity_that_it_was_given)
{
    in_frame<alloc_type> alloc;
    text s{alloc, 100};
    std::size_t const used = alloc.used();
    BOOST_TEST(used >= 100u);
    while (s.size() < 100) s += 'x';
    BOOST_TEST(alloc.used() == used);
    BOOST_TEST(s.find_first_not_of('x') == text::npos);
}

BOOST_AUTO_TEST_CASE(short_strings_take_nothing_of_the_frame)
{
    in_frame<alloc_type> alloc;
    text const s{alloc, "short"};
    BOOST_TEST(alloc.used() == 0u);
    BOOST_TEST(s == "short");
}

BOOST_AUTO_TEST_CASE(strings_are_strings)
{
    in_frame<alloc_type> alloc;
    text const hello{alloc, "a greeting that is too long for the object"};
    text both = hello + ", and more of it";
    BOOST_TEST(both.ends_with("more of it"));
    both = "something else";
    both += std::string_view{", appended"};
    BOOST_TEST(both == "something else, appended");
    BOOST_TEST((hello.substr(2, 8) == "greeting"));
    BOOST_TEST((hello <=> both < 0));
    text const copy{hello};
    BOOST_TEST(copy == hello);
    BOOST_TEST(static_cast<void const*>(copy.data()) != static_cast<void const*>(hello.data()));
    BOOST_TEST((copy.get_allocator() == text::allocator_type{alloc}));
    BOOST_TEST(std::hash<text>{}(hello) == std::hash<std::string_view>{}(hello));
    basic_frame_string<char16_t, alloc_type> const wide{alloc, u"a greeting that is too long for the object"};
    BOOST_TEST(wide.size() == hello.size());
}

BOOST_AUTO_TEST_CASE(strings_are_keys)
{
    in_frame<alloc_type> alloc;
    map_of<text, int> by_name{alloc, 100};
    for (int i = 0; i < 100; ++i) by_name.emplace(text{alloc, "the name of number " + std::to_string(i)}, i);
    BOOST_TEST(by_name.size() == 100u);
    BOOST_TEST(by_name.at(text{alloc, "the name of number 42"}) == 42);
    std::unordered_set<text> const standard{text{alloc, "hashed by the standard"}};
    BOOST_TEST(standard.contains(text{alloc, "hashed by the standard"}));
}

BOOST_AUTO_TEST_CASE(what_goes_while_it_is_last_leaves_nothing)
{
    in_frame<alloc_type> alloc;
    for (int round = 0; round < 1000; ++round) {
        map_of<int, value> m{alloc, 100};
        set_of<int> s{alloc, 100};
        text t{alloc, 100};
        for (int i = 0; i < 100; ++i) m.emplace(i, i), s.insert(i), t += 'x';
    }
    BOOST_TEST(alloc.used() == 0u);
}

BOOST_AUTO_TEST_CASE(copies_stay_in_the_frame_and_moves_take_the_memory_along)
{
    in_frame<alloc_type> one, two;
    using map = map_of<int, value>;
    map a{one};
    for (int i = 0; i < 100; ++i) a.emplace(i, -i);
    map const copy{a};
    BOOST_TEST((copy == a));
    BOOST_TEST((copy.get_allocator() == a.get_allocator()));
    map b{a, map::allocator_type{two}};
    BOOST_TEST((b == a));
    value const* const address = &a.at(0);
    b = std::move(a);
    BOOST_TEST(&b.at(0) == address);
    BOOST_TEST((b.get_allocator() == map::allocator_type{one}));
    map c{two, 10};
    c.emplace(5, 5);
    swap(b, c);
    BOOST_TEST(&c.at(0) == address);
    BOOST_TEST((b.get_allocator() == map::allocator_type{two}));
    b = copy;
    BOOST_TEST((b == copy));
}

BOOST_AUTO_TEST_CASE(without_a_frame_they_are_refused)
{
    alloc_type alloc;
    test::fault_recorder const own;
    for (auto const& make : {+[](alloc_type& a) { map_of<int, int>{a, 100}; }, +[](alloc_type& a) { set_of<int>{a, 100}; },
                             +[](alloc_type& a) { text{a, 100}; }}) {
        auto const seen = test::how_it_fails([&] { make(alloc); });
        BOOST_TEST(seen.code == fault_code::frame_not_open);
    }
}

#if FRAMEALLOC_EXCEPTIONS

namespace {

using faulting = basic_smart_alloc<backend::faulting<backend::system>, arena::chunked<1024, 1024>, diagnostics::checked>;

/// Fills one of `Collection` with memory refused from the n-th call of the backend on, for every n until nothing is.
template <class Collection, class Add>
std::size_t refused_at_every_n(Add&& add) {
    std::size_t points = 0;
    for (std::uint64_t n = 1;; ++n) {
        in_frame<faulting> alloc;
        static_cast<void>(alloc.template frame_alloc<int>());
        Collection c{alloc};
        alloc.backend().fail_all(backend::fault_plan::from(n));
        std::size_t i = 0;
        bool refused = false;
        try {
            for (; i < 600; ++i) add(alloc, c, int(i));
        } catch (allocation_failure const& e) {
            BOOST_TEST_REQUIRE(e.code() == fault_code::out_of_memory);
            refused = true;
        }
        BOOST_TEST_REQUIRE(c.size() == i);  // it has what it had
        alloc.backend().fail_all(backend::fault_plan::never());
        for (; i < 700; ++i) add(alloc, c, int(i));  // and goes on
        BOOST_TEST_REQUIRE(c.size() == 700u);
        if (!refused) return points;
        ++points;
    }
}

}  // namespace

BOOST_AUTO_TEST_CASE(out_of_memory_at_every_growth_leaves_them_as_they_were)
{
    BOOST_TEST((refused_at_every_n<map_of<int, value, faulting>>([](faulting&, auto& m, int i) {
                   BOOST_TEST_REQUIRE(m.emplace(i, i).second);
                   BOOST_TEST_REQUIRE(m.at(i / 2).n == i / 2);
               }) >= 4u));
    BOOST_TEST((refused_at_every_n<set_of<int, faulting>>([](faulting&, auto& s, int i) {
                   BOOST_TEST_REQUIRE(s.insert(i).second);
                   BOOST_TEST_REQUIRE(s.contains(i / 2));
               }) >= 2u));
    BOOST_TEST((refused_at_every_n<basic_frame_string<char, faulting>>([](faulting&, auto& s, int i) {
                   s += char('a' + i % 26);
                   BOOST_TEST_REQUIRE(s[std::size_t(i / 2)] == char('a' + i / 2 % 26));
               }) >= 1u));
}

BOOST_AUTO_TEST_CASE(capacities_beyond_anything_are_refused)
{
    in_frame<alloc_type> alloc;
    for (std::size_t const many : {SIZE_MAX, SIZE_MAX / 4, SIZE_MAX / 16}) {
        BOOST_CHECK_THROW((map_of<int, int>{alloc, many}), allocation_failure);
        BOOST_CHECK_THROW((set_of<int>{alloc, many}), allocation_failure);
        BOOST_CHECK_THROW((text{alloc, many}), std::exception);  // or the standard's own
    }
    BOOST_TEST(alloc.used() == 0u);
}

#endif

BOOST_AUTO_TEST_SUITE_END()
