// SPDX-License-Identifier: MIT OR Apache-2.0
#include "support/test.hpp"

#include "support/failing.hpp"
#include "support/faults.hpp"

#include <framealloc/arena/chunked.hpp>
#include <framealloc/arena/fixed.hpp>
#include <framealloc/arena/virtual_memory.hpp>
#include <framealloc/backend/faulting.hpp>

#include <memory>
#include <optional>
#include <string>
#include <tuple>

using namespace framealloc;
using test::fault_recorder;

namespace {

struct noted {
    std::string& diary;
    char letter;
    ~noted() { diary += letter; }
};

template <class Alloc>
struct world {
    Alloc alloc;
    std::string diary;
    world() { alloc.begin_frame(); }
    ~world() { alloc.end_frame(); }
    void note(char letter) { alloc.template frame_new<noted>(diary, letter); }
    std::size_t used() { return alloc.stats().frame_bytes_used; }
};

using every_assembly = std::tuple<smart_alloc, smart_alloc_debug, smart_alloc_single_threaded,
                                  basic_smart_alloc<arena::fixed<1 << 20>>, basic_smart_alloc<arena::virtual_memory<>>>;

}  // namespace

BOOST_AUTO_TEST_SUITE(speculation)

BOOST_AUTO_TEST_CASE_TEMPLATE(what_answers_false_leaves_no_byte_and_its_objects_are_destroyed_newest_first, Alloc, every_assembly)
{
    world<Alloc> w;
    w.note('a');
    std::size_t const before = w.used();
    bool const kept = w.alloc.speculate([&] {
        w.note('b');
        static_cast<void>(w.alloc.frame_alloc({.bytes = 300'000}));  // into another chunk, and one of its own
        w.note('c');
        return false;
    });
    BOOST_TEST(!kept);
    BOOST_TEST(w.diary == "cb");
    BOOST_TEST(w.used() == before);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(what_answers_true_is_kept_until_the_frame_ends, Alloc, every_assembly)
{
    fault_recorder const faults;
    std::string diary;
    {
        world<Alloc> w;
        int* number = nullptr;
        BOOST_TEST(w.alloc.speculate([&] {
            w.note('b');
            number = w.alloc.template frame_new<int>(42);
            return true;
        }));
        BOOST_TEST(w.diary == "");
        BOOST_TEST(*number == 42);
        w.note('c');
        w.alloc.end_frame();
        diary = w.diary;
        w.alloc.begin_frame();
    }
    BOOST_TEST(diary == "cb");
    BOOST_TEST(faults.count() == 0u);
}

BOOST_AUTO_TEST_CASE(whatever_is_true_or_false_may_be_answered)
{
    world<smart_alloc> w;
    std::size_t const before = w.used();
    BOOST_TEST(!w.alloc.speculate([&]() -> std::optional<int> {
        w.note('b');
        return std::nullopt;
    }));
    BOOST_TEST(w.used() == before);
    BOOST_TEST(w.alloc.speculate([&]() -> int* {
        *w.alloc.frame_alloc<int>() = 7;
        return nullptr;
    }) == nullptr);
    BOOST_TEST(w.used() == before);

    std::optional<int> const value = w.alloc.speculate([&]() -> std::optional<int> {
        w.note('c');
        return 0;  // it is there, whatever it is
    });
    BOOST_TEST(value.value() == 0);
    BOOST_TEST(w.used() > before);
    // What can only be moved comes through, and a reference stays one.
    std::unique_ptr<int> const owner = w.alloc.speculate([] { return std::make_unique<int>(7); });
    BOOST_TEST(*owner == 7);
    bool flag = false;
    static_assert(std::is_same_v<decltype(w.alloc.speculate([&]() -> bool& { return flag; })), bool&>);
    BOOST_TEST(&w.alloc.speculate([&]() -> bool& { return flag; }) == &flag);

    std::size_t const now = w.used();
    static_assert(std::is_void_v<decltype(w.alloc.speculate([] {}))>);
    w.alloc.speculate([&] { w.note('d'); });
    BOOST_TEST(w.used() > now);
    BOOST_TEST(w.diary == "b");
}

BOOST_AUTO_TEST_CASE(speculation_nests_and_an_outer_one_takes_back_what_an_inner_one_kept)
{
    world<smart_alloc_debug> w;
    fault_recorder const faults;
    std::size_t const before = w.used();
    BOOST_TEST(!w.alloc.speculate([&] {
        w.note('a');
        BOOST_TEST(w.alloc.speculate([&] {
            auto const scope = w.alloc.frame_scope();
            w.note('x');
            return true;
        }));
        BOOST_TEST(w.diary == "x");
        BOOST_TEST(w.alloc.speculate([&] {
            w.note('b');
            return true;
        }));
        BOOST_TEST(!w.alloc.speculate([&] {
            w.note('c');
            return false;
        }));
        return false;
    }));
    BOOST_TEST(w.diary == "xcba");
    BOOST_TEST(w.used() == before);
    BOOST_TEST(faults.count() == 0u);
}

BOOST_AUTO_TEST_CASE(work_that_ends_its_frame_is_reported_and_the_next_frame_is_left_alone)
{
    world<smart_alloc> w;
    fault_recorder const faults;
    for (bool const answer : {true, false}) {
        w.alloc.speculate([&] {
            w.alloc.end_frame();
            w.alloc.begin_frame();
            w.note('n');
            return answer;
        });
        BOOST_TEST(faults.last() == fault_code::checkpoint_not_live);
        BOOST_TEST(w.diary == (answer ? "" : "n"));  // by its own frame's end, not by the roll-back
    }
    BOOST_TEST(faults.count() == 2u);
}

BOOST_AUTO_TEST_CASE(without_a_frame_or_without_room_for_the_mark_the_work_is_not_begun)
{
    smart_alloc alloc;
    [[maybe_unused]] bool begun = false;
    auto const outside = test::how_it_fails([&] { alloc.speculate([&] { return begun = true; }); });
    BOOST_TEST(outside.code == fault_code::frame_not_open);

    world<basic_smart_alloc<arena::fixed<1024>>> w;
    static_cast<void>(w.alloc.frame_alloc({.bytes = 1024 - 48}));
    std::size_t const before = w.used();
    auto const full = test::how_it_fails([&] { w.alloc.speculate([&] { return begun = true; }); });
    BOOST_TEST(full.code == fault_code::arena_exhausted);
    BOOST_TEST(w.used() == before);
    BOOST_TEST(!begun);
}

#if FRAMEALLOC_EXCEPTIONS

BOOST_AUTO_TEST_CASE_TEMPLATE(what_throws_is_taken_back_and_the_exception_goes_on, Alloc, every_assembly)
{
    world<Alloc> w;
    std::size_t const before = w.used();
    BOOST_CHECK_THROW(w.alloc.speculate([&]() -> bool {
        w.note('b');
        throw 7;
    }),
                      int);
    BOOST_CHECK_THROW(w.alloc.speculate([&] {
        w.note('c');
        throw 7;
    }),
                      int);
    BOOST_TEST(w.diary == "bc");
    BOOST_TEST(w.used() == before);
}

BOOST_AUTO_TEST_CASE(out_of_memory_at_every_call_inside_takes_all_of_it_back)
{
    using faulting = basic_smart_alloc<backend::faulting<backend::system>, arena::chunked<1024, 4096>>;
    std::size_t points = 0;
    for (std::uint64_t n = 1;; ++n) {
        world<faulting> w;
        w.note('a');
        std::size_t const before = w.used();
        w.alloc.backend().fail_all(backend::fault_plan::from(n));
        bool refused = false;
        try {
            w.alloc.speculate([&] {
                for (int i = 0; i < 200; ++i) w.note('b');
                return true;
            });
        } catch (allocation_failure const& e) {
            BOOST_TEST(e.code() == fault_code::out_of_memory);
            refused = true;
        }
        if (!refused) break;
        ++points;
        BOOST_TEST(w.used() == before);
        BOOST_TEST(w.diary.find_first_not_of('b') == std::string::npos);
        w.alloc.backend().fail_all(backend::fault_plan::never());
        BOOST_TEST(w.alloc.speculate([&] { return w.alloc.frame_alloc({.bytes = 10'000}) != nullptr; }));
    }
    BOOST_TEST(points >= 3u);
}

#endif

BOOST_AUTO_TEST_SUITE_END()
