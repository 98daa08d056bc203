// SPDX-License-Identifier: MIT OR Apache-2.0
#include "support/test.hpp"

#include "support/failing.hpp"
#include "support/faults.hpp"
#include "support/promoted.hpp"

#include <framealloc/arena/in_flight.hpp>
#include <framealloc/budget/per_tag.hpp>
#include <framealloc/promotion/promote.hpp>
#include <framealloc/promotion/retained.hpp>
#include <framealloc/smart_alloc_guarded.hpp>
#include <framealloc/tag_budgets.hpp>

#include <memory>
#include <string>
#include <thread>
#include <tuple>

// What cannot be promoted is refused, with what is wrong, and stays as it is.

using namespace framealloc;
using namespace framealloc::test;

namespace {

using every_assembly =
    std::tuple<smart_alloc, smart_alloc_debug, smart_alloc_single_threaded, smart_alloc_guarded,
               basic_smart_alloc<budget::per_tag, diagnostics::checked>,
               basic_smart_alloc<arena::in_flight<2, arena::chunked<>>>>;
using assemblies_with_records =
    std::tuple<smart_alloc_debug, smart_alloc_guarded, basic_smart_alloc<sync::single_threaded, diagnostics::checked>,
               basic_smart_alloc<budget::per_tag, diagnostics::checked>>;

struct shape {
    int kind = 1;
    virtual ~shape() = default;
};
struct circle : shape {
    double radius = 2;
};

/// Writes as a program with a mistake does, where AddressSanitizer does not look.
[[gnu::noinline, gnu::no_sanitize_address]] void poke(void* object, std::size_t offset, unsigned char value)
{
    static_cast<unsigned char volatile*>(object)[offset] = value;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(promotion_misuse)

BOOST_AUTO_TEST_CASE_TEMPLATE(what_is_not_the_whole_of_an_object_of_the_open_frame_is_refused, Alloc, every_assembly)
{
    using object = traveller<41>;
    auto const owner = std::make_unique<Alloc>();
    Alloc& alloc = *owner;
    fault_recorder const faults;
    std::size_t refused = 0;
    auto const refuses = [&](auto const& what, char const* says) {
        auto const kept = try_promote_to_pool(alloc, what);
        bool empty = false;
        if constexpr (requires { kept.empty(); }) {
            empty = kept.empty();
        } else {
            empty = !kept;
        }
        BOOST_TEST(empty);
        BOOST_TEST(faults.count() == ++refused);
        BOOST_TEST((faults.last() == fault_code::not_promotable));
        BOOST_TEST(faults.last_text().find(says) != std::string::npos, faults.last_text());
    };
    object on_stack{1};
    auto const in_pool = alloc.template pool_box<object>(2);
    refuses(&on_stack, "no frame is open");

    alloc.begin_frame();
    auto* const one = alloc.template frame_new<object>(3);
    auto const row = alloc.template frame_array<object>(4);
    auto* const round = alloc.template frame_new<circle>();
    auto box = alloc.template frame_box<object>(5);
    int const alive = object::alive;
    refuses(static_cast<object*>(nullptr), "null");
    refuses(&on_stack, "not of the frame");
    refuses(in_pool.get(), "not of the frame");
    refuses(&row[1], "not the whole");
    refuses(row.data(), "not the whole");
    refuses(row.first(3), "not the whole");
    refuses(static_cast<shape*>(round), "not the whole");
    refuses(box.get(), "not the whole");
    auto const kept = promote_to_pool(alloc, one);
    refuses(one, "already");
    if constexpr (!Alloc::assembly_type::sync::one_thread) {
        auto* const mine = alloc.template frame_new<object>(6);
        std::thread{[&] {
            alloc.begin_frame();
            alloc.template frame_new<object>(7);
            refuses(mine, "not of the frame");
            alloc.end_frame();
        }}.join();
        BOOST_TEST(mine->is_sound());
    }
    BOOST_TEST(object::alive >= alive);
    BOOST_TEST(bool(alloc.verify()));

    auto const failed = how_it_fails([&] { static_cast<void>(promote_to_heap(alloc, &on_stack)); });
    BOOST_TEST(failed.failed);
    BOOST_TEST((failed.code == fault_code::not_promotable));
    {
        auto const emptied = promote_to_pool(alloc, box);
        auto const nothing = try_promote_to_pool(alloc, box);
        BOOST_TEST(!nothing);
        BOOST_TEST((faults.last() == fault_code::not_promotable));
    }
    alloc.end_frame();
}

BOOST_AUTO_TEST_CASE_TEMPLATE(where_records_are_kept_a_part_of_something_trivial_is_refused_too, Alloc, assemblies_with_records)
{
    auto const owner = std::make_unique<Alloc>();
    Alloc& alloc = *owner;
    fault_recorder const faults;
    alloc.begin_frame();
    auto const numbers = alloc.template frame_array<int>(10);
    int* const one = alloc.template frame_new<int>(1);
    auto const kept = frame_retained<int>(alloc, retention::pool, 2);
    BOOST_TEST(!try_promote_to_pool(alloc, &numbers[1]));
    BOOST_TEST(!try_promote_to_pool(alloc, numbers.data()));
    BOOST_TEST(try_promote_to_heap(alloc, numbers.first(9)).empty());
    BOOST_TEST(!try_promote_to_pool(alloc, kept.get()));  // it has a handle
    BOOST_TEST(faults.count() == 4u);
    auto const moved = promote_to_pool(alloc, one);
    BOOST_TEST(!try_promote_to_pool(alloc, one));
    BOOST_TEST(faults.last_text().find("already") != std::string::npos, faults.last_text());
    BOOST_TEST(bool(alloc.verify()));
    alloc.end_frame();
    BOOST_TEST(*moved + *kept == 3);
    BOOST_TEST(faults.count() == 5u);
}

BOOST_AUTO_TEST_CASE(what_is_written_behind_an_object_is_told_though_it_has_left)
{
    smart_alloc_debug alloc;
    fault_recorder const faults;
    alloc.begin_frame();
    auto* const name = alloc.frame_new<std::string>("x");
    poke(name, sizeof *name, 0x41);
    auto const kept = promote_to_pool(alloc, name);
    BOOST_TEST(*kept == "x");
    alloc.end_frame();
    BOOST_TEST((faults.last() == fault_code::overflow));
}

BOOST_AUTO_TEST_CASE(one_of_a_row_of_odd_size_is_refused_wherever_it_begins)
{
    struct odd {
        char text[3] = {};
        ~odd() { text[0] = 0; }
    };
    smart_alloc alloc;
    fault_recorder const faults;
    alloc.begin_frame();
    auto const row = alloc.frame_array<odd>(40);
    for (std::size_t i = 0; i < 40; ++i) BOOST_TEST(!try_promote_to_pool(alloc, &row[i]));
    BOOST_TEST(faults.count() == 40u);
    alloc.end_frame();
}

BOOST_AUTO_TEST_CASE(a_destructor_that_the_frame_runs_promotes_nothing)
{
    struct late {
        smart_alloc* alloc;
        bool* refused;
        ~late() {
            if (alloc != nullptr) *refused = !try_promote_to_pool(*alloc, this);
        }
        late(smart_alloc* a, bool* r) : alloc(a), refused(r) {}
        late(late&& other) noexcept : alloc(nullptr), refused(other.refused) {}
    };
    fault_recorder const faults;
    smart_alloc alloc;
    bool refused = false;
    alloc.begin_frame();
    alloc.frame_new<late>(&alloc, &refused);
    alloc.end_frame();
    BOOST_TEST(refused);
    BOOST_TEST(faults.count() == 1u);
}

BOOST_AUTO_TEST_CASE(what_went_with_an_earlier_frame_is_refused_where_that_is_known)
{
    using object = traveller<42>;
    smart_alloc_debug alloc;
    fault_recorder const faults;
    alloc.begin_frame();
    auto p = make_frame_ptr<object>(alloc, 1);
    auto number = make_frame_ptr<int>(alloc, 2);
    object* const raw = p.unchecked();
    alloc.end_frame();
    alloc.begin_frame();
    static_cast<void>(alloc.frame_alloc({.bytes = 4096}));  // over them
    BOOST_TEST(!try_promote_to_pool(alloc, p));
    BOOST_TEST((faults.last() == fault_code::frame_expired));
    BOOST_TEST(!try_promote_to_pool(alloc, number));
    BOOST_TEST((faults.last() == fault_code::frame_expired));
    BOOST_TEST(!try_promote_to_pool(alloc, raw));
    BOOST_TEST((faults.last() == fault_code::not_promotable));
    BOOST_TEST(bool(p));  // as it was
    BOOST_TEST(object::alive == 0);
    BOOST_TEST(alloc.stats().pool_blocks_live == 0u);
    alloc.end_frame();
}

BOOST_AUTO_TEST_SUITE_END()
