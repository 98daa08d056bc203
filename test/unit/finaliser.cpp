// SPDX-License-Identifier: MIT OR Apache-2.0
#include "support/test.hpp"

#include "support/faults.hpp"

#include <algorithm>
#include <random>
#include <utility>
#include <vector>

using namespace framealloc;

namespace {

/// The numbers of the objects that have been destroyed, in order.
std::vector<int> destroyed;

struct numbered {
    int number;
    int padding[3] = {};
    explicit numbered(int n) : number(n) {}
    ~numbered() { destroyed.push_back(number); }
};

int next_number = 0;
struct self_numbered : numbered {
    self_numbered() : numbered(next_number++) {}
};

/// A random program of scopes, checkpoints, objects and arrays on one frame, beside a model that says what must be
/// destroyed when: the numbers alive, oldest first, and where each open mark stands among them.
template <class Alloc>
class random_program {
public:
    random_program(Alloc& alloc, unsigned seed) : alloc_(alloc), random_(seed) {}

    void one_frame() {
        alloc_.begin_frame();
        play(0, 60);
        alloc_.end_frame();
        expect_gone(0);
    }

private:
    struct mark {
        checkpoint place;
        std::size_t alive;
    };

    void play(int depth, int steps) {
        std::vector<mark> marks;  // of this scope: those outside it cannot be rolled back to while it is open
        for (int i = 0; i < steps; ++i) {
            switch (random_() % 8) {
                case 0:
                case 1: alloc_.template frame_new<numbered>(alive_.emplace_back(next_number++)); break;
                case 2: {
                    auto const n = random_() % 5;
                    for (unsigned k = 0; k < n; ++k) alive_.push_back(next_number + static_cast<int>(k));
                    static_cast<void>(alloc_.template frame_array<self_numbered>(n));
                    break;
                }
                case 3: static_cast<void>(alloc_.frame_alloc(layout{.bytes = random_() % 9000, .align = 1})); break;
                case 4: {  // sometimes a chunk of its own
                    auto const bytes = random_() % 4 == 0 ? std::size_t{700'000} : std::size_t{64};
                    static_cast<void>(alloc_.frame_alloc(layout{.bytes = bytes, .align = 1}));
                    break;
                }
                case 5: marks.push_back({alloc_.checkpoint(), alive_.size()}); break;
                case 6:
                    if (!marks.empty()) {
                        std::size_t const to = random_() % marks.size();
                        std::size_t const alive = marks[to].alive;
                        BOOST_TEST(alloc_.rollback(marks[to].place));
                        marks.erase(marks.begin() + static_cast<std::ptrdiff_t>(to), marks.end());
                        expect_gone(alive);
                    }
                    break;
                default:
                    if (depth < 5) {
                        std::size_t const before = alive_.size();
                        {
                            auto const scope = alloc_.frame_scope();
                            play(depth + 1, steps / 2);
                        }
                        expect_gone(before);
                    }
            }
        }
    }

    /// All but the oldest `left` have just been destroyed, newest first, and nothing else.
    void expect_gone(std::size_t left) {
        std::vector<int> const expected(alive_.rbegin(), alive_.rend() - static_cast<std::ptrdiff_t>(left));
        BOOST_TEST(destroyed == expected, boost::test_tools::per_element());
        alive_.resize(left);
        destroyed.clear();
    }

    Alloc& alloc_;
    std::mt19937 random_;
    std::vector<int> alive_;
};

template <class Alloc>
void play_random_frames(unsigned seed)
{
    BOOST_TEST_CONTEXT("seed " << seed) {
        destroyed.clear();
        Alloc alloc;
        random_program<Alloc> program{alloc, seed};
        for (int i = 0; i < 5; ++i) program.one_frame();
        BOOST_TEST(alloc.stats().frame_bytes_used == 0u);
        BOOST_TEST(bool(alloc.verify()));
    }
}

}  // namespace

BOOST_AUTO_TEST_SUITE(finalisers)

BOOST_AUTO_TEST_CASE(objects_are_destroyed_newest_first_in_any_nesting_of_scopes_and_checkpoints)
{
    // The run's seed is printed, so that a failure can be repeated: put it in place of the one drawn.
    unsigned const seed = std::random_device{}();
    BOOST_TEST_MESSAGE("seed " << seed);
    for (unsigned i = 0; i < 40; ++i) {
        play_random_frames<smart_alloc>(seed + i);
        play_random_frames<smart_alloc_debug>(seed + i);
    }
}

BOOST_AUTO_TEST_CASE(trivially_destructible_objects_pay_for_no_finaliser)
{
    struct trivial {
        char bytes[64];
    };
    struct with_destructor {
        char bytes[64];
        ~with_destructor() { bytes[0] = 0; }
    };
    smart_alloc alloc;
    alloc.begin_frame();
    auto const used_by = [&](auto&& make) {
        std::size_t const before = alloc.stats().frame_bytes_used;
        make();
        return alloc.stats().frame_bytes_used - before;
    };
    BOOST_TEST(used_by([&] { alloc.frame_new<trivial>(); }) == 64u);
    BOOST_TEST(used_by([&] { alloc.frame_new<with_destructor>(); }) == 64u + 32u);
    BOOST_TEST(used_by([&] { static_cast<void>(alloc.frame_array<trivial>(100)); }) == 6400u);
    // One finaliser for the whole array.
    BOOST_TEST(used_by([&] { static_cast<void>(alloc.frame_array<with_destructor>(100)); }) == 6400u + 32u);
    // A box destroys by itself and registers nothing.
    BOOST_TEST(used_by([&] { static_cast<void>(alloc.frame_box<with_destructor>()); }) == 64u);
    alloc.end_frame();
}

BOOST_AUTO_TEST_CASE(a_destructor_may_allocate_from_the_frame_that_is_ending)
{
    static bool wrote = false;
    struct allocates {
        smart_alloc& alloc;
        ~allocates() {
            // More than the current chunk has left.
            auto const row = alloc.frame_array<int>(50'000);
            row.back() = 7;
            wrote = row.back() == 7 && alloc.frame_is_open();
        }
    };
    smart_alloc alloc;
    for (int i = 0; i < 3; ++i) {
        wrote = false;
        alloc.begin_frame();
        alloc.frame_new<allocates>(alloc);
        alloc.end_frame();
        BOOST_TEST(wrote);
        BOOST_TEST(alloc.stats().frame_bytes_used == 0u);
    }
    alloc.begin_frame();
    wrote = false;
    {
        auto scope = alloc.frame_scope();
        scope.frame_new<allocates>(alloc);
    }
    BOOST_TEST(wrote);
    BOOST_TEST(alloc.stats().frame_bytes_used == 0u);
    alloc.end_frame();
    BOOST_TEST(bool(alloc.verify()));
}

BOOST_AUTO_TEST_CASE(an_object_that_a_destructor_makes_in_the_ending_frame_is_destroyed_too)
{
    struct makes_another {
        smart_alloc& alloc;
        int left;
        ~makes_another() {
            destroyed.push_back(left);
            if (left > 0) alloc.frame_new<makes_another>(alloc, left - 1);
        }
    };
    destroyed.clear();
    smart_alloc alloc;
    alloc.begin_frame();
    alloc.frame_new<numbered>(100);
    alloc.frame_new<makes_another>(alloc, 3);
    alloc.end_frame();
    BOOST_TEST(destroyed == (std::vector<int>{3, 2, 1, 0, 100}), boost::test_tools::per_element());
    BOOST_TEST(!alloc.frame_is_open());
}

BOOST_AUTO_TEST_CASE(a_destructor_may_use_pool_and_heap_of_its_allocator)
{
    struct gives_back {
        smart_alloc_debug& alloc;
        int* block;
        void* large;
        ~gives_back() {
            alloc.pool_delete(block);
            alloc.heap_free(large);
        }
    };
    smart_alloc_debug alloc;
    alloc.begin_frame();
    alloc.frame_new<gives_back>(alloc, alloc.pool_new<int>(1), alloc.heap_alloc(layout{.bytes = 10'000}));
    alloc.end_frame();
    BOOST_TEST(alloc.stats().pool_blocks_live == 0u);
    BOOST_TEST(alloc.stats().heap_blocks_live == 0u);
}

BOOST_AUTO_TEST_CASE(a_destructor_that_ends_or_begins_frames_is_survived)
{
    struct meddles {
        smart_alloc& alloc;
        ~meddles() {
            destroyed.push_back(1);
            alloc.begin_frame();
        }
    };
    destroyed.clear();
    smart_alloc alloc;
    alloc.begin_frame();
    alloc.frame_new<numbered>(2);
    alloc.frame_new<meddles>(alloc);
    {
        test::fault_recorder const faults;
        alloc.end_frame();
        BOOST_TEST(faults.last() == fault_code::frame_already_open);
    }
    BOOST_TEST(destroyed == (std::vector<int>{1, 2}), boost::test_tools::per_element());
    BOOST_TEST(!alloc.frame_is_open());
    BOOST_TEST(alloc.try_begin_frame());
    alloc.end_frame();
}

BOOST_AUTO_TEST_CASE(a_destructor_that_ends_its_frame_or_rolls_it_back_is_named_and_ignored)
{
    struct ends_again {
        smart_alloc& alloc;
        checkpoint& before;
        ~ends_again() {
            destroyed.push_back(1);
            alloc.end_frame();
            BOOST_TEST(!alloc.rollback(before));
            auto const scope = alloc.frame_scope();  // which it may
            alloc.frame_new<int>(1);
        }
    };
    destroyed.clear();
    smart_alloc alloc;
    for (bool const by_rollback : {false, true}) {
        alloc.begin_frame();
        alloc.frame_new<numbered>(3);
        checkpoint before = alloc.checkpoint();
        alloc.frame_new<numbered>(2);
        checkpoint mark = alloc.checkpoint();
        std::size_t const used = alloc.stats().frame_bytes_used;
        alloc.frame_new<ends_again>(alloc, before);
        test::fault_recorder const faults;
        if (by_rollback) {
            BOOST_TEST(alloc.rollback(mark));
            BOOST_TEST(faults.codes() == (std::vector{fault_code::frame_not_begun, fault_code::checkpoint_not_live}),
                       boost::test_tools::per_element());
            BOOST_TEST(alloc.stats().frame_bytes_used < used);
            BOOST_TEST(alloc.rollback(before));  // as good as it was
        }
        alloc.end_frame();
        BOOST_TEST(faults.count() == 2u);
        BOOST_TEST(destroyed == (std::vector<int>{1, 2, 3}), boost::test_tools::per_element());
        BOOST_TEST(bool(alloc.verify()));
        destroyed.clear();
    }
}

BOOST_AUTO_TEST_CASE(over_aligned_objects_are_destroyed_at_the_address_where_they_were_made)
{
    static void const* made = nullptr;
    static void const* ended = nullptr;
    struct alignas(512) wide {
        char c = 1;
        wide() { made = this; }
        ~wide() { ended = this; }
    };
    smart_alloc alloc;
    alloc.begin_frame();
    static_cast<void>(alloc.frame_alloc(layout{.bytes = 16}));
    wide* const p = alloc.frame_new<wide>();
    BOOST_TEST(reinterpret_cast<std::uintptr_t>(p) % 512 == 0u);
    alloc.end_frame();
    BOOST_TEST(made == p);
    BOOST_TEST(ended == p);
}

BOOST_AUTO_TEST_SUITE_END()
