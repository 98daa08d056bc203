// SPDX-License-Identifier: MIT OR Apache-2.0
#include "support/test.hpp"

#include "support/failing.hpp"
#include "support/faults.hpp"

#include <framealloc/arena/fixed.hpp>
#include <framealloc/backend/faulting.hpp>
#include <framealloc/containers/frame_vector.hpp>

#include <string>
#include <utility>

using namespace framealloc;

namespace {

// The debug assembly fills what is given back, so that elements in memory that is not theirs any more are seen.
using alloc_type = smart_alloc_debug;
using small_arena = basic_smart_alloc<arena::fixed<4096>, diagnostics::checked>;
/// What an object takes in a frame of the debug assembly: with its record before it and its canary behind.
constexpr std::size_t beside = 32 + 8;
constexpr std::size_t taken(std::size_t bytes) { return detail::round_up(bytes + beside, granule); }

template <class Alloc>
struct in_frame : Alloc {
    in_frame() { this->begin_frame(); }
    ~in_frame() { this->end_frame(); }
};

/// Counts what lives, what was moved, and throws when it is told to.
struct element {
    static inline int alive = 0, moved = 0;
    [[maybe_unused]] static inline int throw_at_copy = -1;
    int value;
    explicit element(int v) : value(v) { ++alive; }
    element(element const& other) : value(other.value) {
#if FRAMEALLOC_EXCEPTIONS
        if (throw_at_copy >= 0 && throw_at_copy-- == 0) throw 7;
#endif
        ++alive;
    }
    element(element&& other) noexcept : value(other.value) {
        ++alive;
        ++moved;
    }
    element& operator=(element const&) = default;
    element& operator=(element&&) noexcept = default;
    ~element() { --alive; }
    bool operator==(element const&) const = default;
};

struct reset_elements {
    reset_elements() { element::alive = element::moved = 0; }
    ~reset_elements() {
        BOOST_TEST(element::alive == 0);
        BOOST_TEST(faults.count() == 0u);
    }
    test::fault_recorder faults;
};

template <class Vector>
bool counts_up(Vector const& v) {
    for (std::size_t i = 0; i < v.size(); ++i) {
        if (v[i].value != int(i)) return false;
    }
    return true;
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(frame_vectors, reset_elements)

BOOST_AUTO_TEST_CASE(it_grows_in_place_while_it_is_last_and_nothing_is_left_behind)
{
    in_frame<alloc_type> alloc;
    frame_vector<element, alloc_type> v{alloc};
    v.emplace_back(0);
    element const* const address = v.data();
    for (int i = 1; i < 10'000; ++i) v.emplace_back(i);
    BOOST_TEST(v.data() == address);
    BOOST_TEST(element::moved == 0);
    BOOST_TEST(counts_up(v));
    BOOST_TEST(alloc.stats().frame_bytes_used == taken(16 + v.capacity() * sizeof(element)));
    BOOST_TEST(alloc.stats().operations.frame_allocations == 1u);
}

BOOST_AUTO_TEST_CASE(an_allocation_in_between_makes_it_move_and_then_it_grows_in_place_again)
{
    in_frame<alloc_type> alloc;
    frame_vector<element, alloc_type> v{alloc};
    for (int i = 0; i < 100; ++i) v.emplace_back(i);
    element const* const first_address = v.data();
    int* const between = alloc.frame_alloc<int>();
    *between = 77;
    while (v.size() < v.capacity()) v.emplace_back(int(v.size()));
    BOOST_TEST(v.data() == first_address);
    v.emplace_back(int(v.size()));
    element const* const second_address = v.data();
    BOOST_TEST(second_address != first_address);
    int const moved = element::moved;
    BOOST_TEST(moved > 0);
    while (v.size() < 5000) v.emplace_back(int(v.size()));
    BOOST_TEST(v.data() == second_address);
    BOOST_TEST(element::moved == moved);
    BOOST_TEST(counts_up(v));
    BOOST_TEST(*between == 77);
}

BOOST_AUTO_TEST_CASE(it_never_moves_below_the_capacity_that_it_was_given)
{
    in_frame<alloc_type> alloc;
    frame_vector<element, alloc_type> v{alloc, 500};
    BOOST_TEST(v.capacity() >= 500u);
    element const* const address = v.data();
    for (int i = 0; i < 500; ++i) {
        v.emplace_back(i);
        static_cast<void>(alloc.frame_alloc<int>());
    }
    BOOST_TEST(v.data() == address);
    BOOST_TEST(element::moved == 0);
    v.erase(v.begin() + 10, v.begin() + 20);
    v.insert(v.begin(), element{-1});
    BOOST_TEST(v.data() == address);
    BOOST_TEST(v.front().value == -1);
}

BOOST_AUTO_TEST_CASE(the_end_of_a_chunk_makes_it_move_to_the_next_one_and_goes_on)
{
    in_frame<basic_smart_alloc<arena::chunked<4096, 65536>, diagnostics::checked>> alloc;
    using alloc_t = basic_smart_alloc<arena::chunked<4096, 65536>, diagnostics::checked>;
    frame_vector<element, alloc_t> v{alloc};
    std::size_t moves = 0;
    element const* address = nullptr;
    for (int i = 0; i < 100'000; ++i) {  // 400 KB: beyond the largest chunk, too
        v.emplace_back(i);
        if (v.data() != address) ++moves;
        address = v.data();
    }
    BOOST_TEST(counts_up(v));
    BOOST_TEST(moves > 4u);
    BOOST_TEST(moves < 20u);
}

BOOST_AUTO_TEST_CASE(it_fills_an_arena_nearly_to_the_end_in_few_steps_and_then_refuses)
{
    in_frame<small_arena> alloc;
    frame_vector<char, small_arena> v{alloc};
    [[maybe_unused]] std::size_t steps = 0;
    auto const seen = test::how_it_fails([&] {
        for (std::size_t before = 0;; before = v.capacity()) {
            v.push_back('x');
            if (v.capacity() != before) ++steps;
        }
    });
    BOOST_TEST(seen.code == fault_code::arena_exhausted);
#if FRAMEALLOC_EXCEPTIONS
    BOOST_TEST(v.size() >= 4064u - beside);  // 4096, less what knows the size, less a granule
    BOOST_TEST(v.size() == v.capacity());
    BOOST_TEST(steps < 40u);
    BOOST_TEST(alloc.stats().operations.frame_allocations == 1u);
    v.back() = 'y';
    BOOST_TEST(v.back() == 'y');
#endif
}

BOOST_AUTO_TEST_CASE(shrinking_gives_the_rest_back_if_it_is_last_and_changes_nothing_if_not)
{
    in_frame<alloc_type> alloc;
    frame_vector<element, alloc_type> v{alloc, 1000};
    for (int i = 0; i < 10; ++i) v.emplace_back(i);
    element const* const address = v.data();
    v.shrink_to_fit();
    BOOST_TEST(v.data() == address);
    BOOST_TEST(v.capacity() == 10u);
    BOOST_TEST(alloc.stats().frame_bytes_used == taken(16 + 10 * sizeof(element)));
    BOOST_TEST(counts_up(v));

    v.reserve(1000);
    BOOST_TEST(v.data() == address);
    static_cast<void>(alloc.frame_alloc<int>());
    v.shrink_to_fit();
    BOOST_TEST(v.capacity() == 1000u);
    BOOST_TEST(counts_up(v));
}

BOOST_AUTO_TEST_CASE(one_that_goes_while_it_is_last_leaves_nothing)
{
    in_frame<alloc_type> alloc;
    for (int round = 0; round < 1000; ++round) {
        frame_vector<element, alloc_type> v{alloc};
        for (int i = 0; i < 100; ++i) v.emplace_back(i);
    }
    BOOST_TEST(alloc.stats().frame_bytes_used == 0u);
}

BOOST_AUTO_TEST_CASE(an_inner_scope_keeps_its_own_and_the_outer_vector_keeps_its_memory)
{
    in_frame<alloc_type> alloc;
    frame_vector<element, alloc_type> outer{alloc, 100};
    for (int i = 0; i < 50; ++i) outer.emplace_back(i);
    {
        auto scope = alloc.frame_scope();
        outer.emplace_back(50);   // within the capacity: allowed anywhere
        outer.shrink_to_fit();    // not below the scope's begin
        frame_vector<element, alloc_type> inner{alloc};
        for (int i = 0; i < 500; ++i) inner.emplace_back(i);
        BOOST_TEST(counts_up(inner));
    }
    BOOST_TEST(outer.capacity() == 100u);
    BOOST_TEST(outer.size() == 51u);
    BOOST_TEST(counts_up(outer));
}

BOOST_AUTO_TEST_CASE(copies_moves_and_swaps_follow_the_allocators)
{
    in_frame<alloc_type> one, two;
    using vector = frame_vector<element, alloc_type>;
    vector a{one};
    for (int i = 0; i < 100; ++i) a.emplace_back(i);
    vector const copy{a};
    BOOST_TEST((copy == a));
    BOOST_TEST((copy.get_allocator() == a.get_allocator()));
    vector b{a, vector::allocator_type{two}};
    BOOST_TEST((b == a));
    element const* const address = a.data();
    b = std::move(a);
    BOOST_TEST(b.data() == address);
    BOOST_TEST((b.get_allocator() == vector::allocator_type{one}));
    vector c{two, 10};
    c.emplace_back(5);
    element const* const other = c.data();
    swap(b, c);
    BOOST_TEST(c.data() == address);
    BOOST_TEST(b.data() == other);
    vector d{std::move(c)};
    BOOST_TEST(d.data() == address);
    vector e{std::move(d), vector::allocator_type{two}};  // another instance: element by element
    BOOST_TEST(e.data() != address);
    BOOST_TEST(counts_up(e));
    e = b;
    BOOST_TEST((e == b));
    vector const f(e.begin(), e.end(), vector::allocator_type{one});
    BOOST_TEST((f == e));
    vector const g(3, element{9}, vector::allocator_type{one});
    BOOST_TEST(g[2].value == 9);
    vector const h({element{0}, element{1}}, vector::allocator_type{one});
    BOOST_TEST(counts_up(h));
}

BOOST_AUTO_TEST_CASE(elements_of_any_alignment_are_aligned_and_grow_in_place)
{
    struct alignas(64) wide {
        char c;
    };
    in_frame<alloc_type> alloc;
    frame_vector<wide, alloc_type> v{alloc};
    static_cast<void>(alloc.frame_alloc<int>());
    v.push_back(wide{'a'});
    wide const* const address = v.data();
    for (int i = 0; i < 200; ++i) v.push_back(wide{'b'});
    BOOST_TEST(v.data() == address);
    BOOST_TEST(reinterpret_cast<std::uintptr_t>(address) % 64 == 0u);
    frame_vector<std::string, alloc_type> texts{alloc};
    for (int i = 0; i < 200; ++i) texts.push_back(std::to_string(i));
    BOOST_TEST(texts[199] == "199");
}

#if FRAMEALLOC_EXCEPTIONS

BOOST_AUTO_TEST_CASE(what_throws_half_way_leaves_it_as_it_was)
{
    in_frame<alloc_type> alloc;
    frame_vector<element, alloc_type> v{alloc};
    for (int i = 0; i < 100; ++i) v.emplace_back(i);
    element const seven{7};
    for (bool const last : {true, false}) {
        if (!last) static_cast<void>(alloc.frame_alloc<int>());
        std::size_t const size = v.size();
        while (v.size() < v.capacity()) v.emplace_back(int(v.size()));
        element::throw_at_copy = 0;
        BOOST_CHECK_THROW(v.push_back(seven), int);
        element::throw_at_copy = 3;
        BOOST_CHECK_THROW(v.insert(v.end(), 10, seven), int);
        element::throw_at_copy = -1;
        BOOST_TEST(v.size() >= size);
        BOOST_TEST(counts_up(v));
    }
}

BOOST_AUTO_TEST_CASE(sizes_beyond_anything_are_refused_and_it_stays_as_it_was)
{
    in_frame<alloc_type> alloc;
    frame_vector<element, alloc_type> v{alloc};
    for (int i = 0; i < 100; ++i) v.emplace_back(i);
    for (std::size_t const many : {SIZE_MAX, SIZE_MAX / 4, SIZE_MAX / 8, SIZE_MAX / 8 - 16}) {
        BOOST_CHECK_THROW(v.reserve(many), std::exception);
        BOOST_CHECK_THROW((frame_vector<element, alloc_type>{alloc, many}), std::exception);
    }
    BOOST_TEST(counts_up(v));
    BOOST_TEST(v.size() == 100u);
}

BOOST_AUTO_TEST_CASE(a_backend_that_refuses_leaves_it_as_it_was)
{
    using faulting = basic_smart_alloc<backend::faulting<backend::system>, arena::chunked<4096, 4096>>;
    in_frame<faulting> alloc;
    frame_vector<element, faulting> v{alloc};
    v.emplace_back(0);
    alloc.backend().fail_all(backend::fault_plan::from(1));
    BOOST_CHECK_THROW(for (;;) v.emplace_back(int(v.size())), allocation_failure);
    BOOST_TEST(v.size() > 900u);  // the whole chunk
    BOOST_TEST(counts_up(v));
    alloc.backend().fail_all(backend::fault_plan::never());
    v.emplace_back(int(v.size()));
    BOOST_TEST(counts_up(v));
}

#endif

BOOST_AUTO_TEST_SUITE_END()
