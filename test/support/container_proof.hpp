// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include "support/faults.hpp"

#include <framealloc/ambient_allocator.hpp>
#include <framealloc/backend/faulting.hpp>

#include <cstddef>
#include <functional>
#include <utility>

// One proof for the containers of every library: what they do with our allocators, whatever shape they have.

namespace framealloc::test {

/// Every block is asked of the backend, which can be told to refuse; sizes of frees are checked.
using proof_alloc = basic_smart_alloc<backend::faulting<backend::system>, diagnostics::checked>;
template <class T>
using proof_allocator = heap_allocator<T, proof_alloc>;
/// For containers that free memory through another allocator than the one that gave it, when instances meet.
template <class T>
using homing_allocator = ambient_heap_allocator<T, proof_alloc>;

/// An element that is counted, and whose copies throw when they are told to. It can be ordered and hashed.
struct proof_element {
    static inline int alive = 0;
    static inline int copies_until_throw = -1;  ///< negative: never
    int value;

    proof_element(int v = 0) : value(v) { ++alive; }
    proof_element(proof_element const& other) : value(other.value) {
        count_copy();
        ++alive;
    }
    proof_element(proof_element&& other) noexcept : value(other.value) { ++alive; }
    proof_element& operator=(proof_element const& other) {
        count_copy();
        value = other.value;
        return *this;
    }
    proof_element& operator=(proof_element&&) noexcept = default;
    ~proof_element() { --alive; }

    friend bool operator==(proof_element const& a, proof_element const& b) { return a.value == b.value; }
    friend bool operator<(proof_element const& a, proof_element const& b) { return a.value < b.value; }
    template <class H>
    friend H AbslHashValue(H h, proof_element const& e) { return H::combine(std::move(h), e.value); }
    friend std::size_t hash_value(proof_element const& e) { return std::hash<int>{}(e.value); }

private:
    static void count_copy() {
#if FRAMEALLOC_EXCEPTIONS
        if (copies_until_throw >= 0 && copies_until_throw-- == 0) throw 7;
#endif
    }
};

/// How an element with a number goes into a container, by its shape.
inline constexpr auto append = [](auto& c, int i) { c.push_back(i); };
inline constexpr auto insert = [](auto& c, int i) { c.insert(proof_element{i}); };
inline constexpr auto enter = [](auto& c, int i) { c.emplace(i, proof_element{i}); };

/// What the library promises, and so is asked for.
struct proof_of {
    bool copies_may_throw = true;
    bool memory_may_be_refused = true;
    bool allocators_follow = true;  ///< moved and swapped as the allocator's traits say
};

template <class Container, class Allocator, class Add>
class container_proof {
    using allocator = typename Container::allocator_type;

public:
    container_proof(Add add, proof_of promises) : add_(add), promises_(promises) {}

    void run() {
        proof_element::alive = 0;
        {
            fault_recorder const faults;
            proof_alloc first{alloc_config{.heap_cache_bytes = 0}}, second{alloc_config{.heap_cache_bytes = 0}};
            current_instance const here{first};
            allocator const in_one{Allocator{first}}, in_two{Allocator{second}};
            copies(in_one, in_two);
            moves(in_one, in_two);
            swaps(in_one, in_two);
#if FRAMEALLOC_EXCEPTIONS
            if (promises_.copies_may_throw) elements_throw(in_one);
            if (promises_.memory_may_be_refused) memory_is_refused(first, in_one);
#endif
            for (proof_alloc* const a : {&first, &second}) {
                BOOST_TEST(a->stats().heap_blocks_live == 0u);
                BOOST_TEST(bool(a->verify()));
            }
            BOOST_TEST(faults.count() == 0u);
        }
        BOOST_TEST(proof_element::alive == 0);
    }

private:
    static constexpr int many = 60;

    [[nodiscard]] Container filled(allocator const& where, int n = many) const {
        Container c(where);
        for (int i = 0; i < n; ++i) add_(c, i);
        return c;
    }
    [[nodiscard]] static auto const* first_of(Container const& c) { return &*c.begin(); }

    void copies(allocator const& in_one, allocator const& in_two) const {
        Container const original = filled(in_one);
        Container const copy(original);
        BOOST_TEST((copy == original));
        BOOST_TEST((copy.get_allocator() == in_one));
        Container const elsewhere(original, in_two);
        BOOST_TEST((elsewhere == original));
        BOOST_TEST((elsewhere.get_allocator() == in_two));
        // Assignment copies the elements and keeps the allocator.
        Container assigned = filled(in_two, 3);
        assigned = original;
        BOOST_TEST((assigned == original));
        BOOST_TEST((assigned.get_allocator() == in_two));
    }

    void moves(allocator const& in_one, allocator const& in_two) const {
        Container const copy = filled(in_one);
        Container source(copy);
        auto const* const first = first_of(source);
        // A move takes the allocator along, and with it the memory.
        Container taken(std::move(source));
        BOOST_TEST((taken == copy));
        Container into = filled(in_two, 3);
        into = std::move(taken);
        BOOST_TEST((into == copy));
        if (promises_.allocators_follow) {
            BOOST_TEST((into.get_allocator() == in_one));
            BOOST_TEST(first_of(into) == first);
        }
        // Where another allocator is named, the elements go there.
        Container const there(std::move(into), in_two);
        BOOST_TEST((there == copy));
        BOOST_TEST((there.get_allocator() == in_two));
    }

    void swaps(allocator const& in_one, allocator const& in_two) const {
        Container left = filled(in_one), right = filled(in_two, 7);
        Container const left_before(left), right_before(right);
        using std::swap;
        swap(left, right);
        BOOST_TEST((left == right_before));
        BOOST_TEST((right == left_before));
        if (promises_.allocators_follow) {
            BOOST_TEST((left.get_allocator() == in_two));
            BOOST_TEST((right.get_allocator() == in_one));
        }
        add_(left, 100);  // goes on with its new allocator
        BOOST_TEST(left.size() == 8u);
    }

#if FRAMEALLOC_EXCEPTIONS
    /// Runs `f` with the n-th copy throwing, for every n until it passes untouched. Answers how often it threw.
    template <class F>
    static int with_throwing_copies(F&& f) {
        for (int n = 0;; ++n) {
            int const alive = proof_element::alive;
            proof_element::copies_until_throw = n;
            bool threw = false;
            try {
                f();
            } catch (int) {
                threw = true;
            }
            bool const untouched = proof_element::copies_until_throw >= 0;
            proof_element::copies_until_throw = -1;
            BOOST_TEST_REQUIRE(proof_element::alive == alive);
            BOOST_TEST_REQUIRE(threw != untouched);
            if (!threw) return n;
        }
    }

    void elements_throw(allocator const& where) const {
        Container const original = filled(where);
        BOOST_TEST(with_throwing_copies([&] { Container const copy(original); }) >= many);
        BOOST_TEST(with_throwing_copies([&] {
            Container assigned(where);
            add_(assigned, 1);
            assigned = original;
        }) >= many - 1);
        BOOST_TEST((filled(where) == original));
    }

    void memory_is_refused(proof_alloc& alloc, allocator const& in_alloc) const {
        Container const original = filled(in_alloc);
        for (std::uint64_t n = 1;; ++n) {
            int refused = 0;
            {
                Container c = filled(in_alloc, 2);
                alloc.backend().fail(backend::backend_operation::allocate, backend::fault_plan::once(n));
                for (int i = 2; i < many;) {
                    try {
                        add_(c, i);
                        ++i;
                    } catch (std::bad_alloc const&) {  // nothing has changed: the next attempt is served
                        ++refused;
                        BOOST_TEST_REQUIRE(c.size() == std::size_t(i));
                    }
                }
                BOOST_TEST_REQUIRE((c == original));
                try {
                    Container const copy(c);
                    BOOST_TEST_REQUIRE((copy == original));
                } catch (std::bad_alloc const&) {
                    ++refused;
                }
                BOOST_TEST_REQUIRE((c == original));
            }
            alloc.backend().fail(backend::backend_operation::allocate, backend::fault_plan::never());
            BOOST_TEST_REQUIRE(refused <= 1);
            if (refused == 0) {
                BOOST_TEST(n > 2u);  // some requests had been refused
                return;
            }
        }
    }
#endif

    Add add_;
    proof_of promises_;
};

/// Proves that `Container`, over one of the allocators above, copies, moves, swaps and fails as it should.
template <class Container, class Allocator = typename Container::allocator_type, class Add>
void prove(Add add, proof_of promises = {}) {
    container_proof<Container, Allocator, Add>{add, promises}.run();
}

}  // namespace framealloc::test

template <>
struct std::hash<framealloc::test::proof_element> {
    std::size_t operator()(framealloc::test::proof_element const& e) const noexcept {
        return std::hash<int>{}(e.value);
    }
};
