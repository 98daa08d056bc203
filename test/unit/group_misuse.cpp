// SPDX-License-Identifier: MIT OR Apache-2.0
#include "support/test.hpp"

#include "support/failing.hpp"
#include "support/faults.hpp"

#include <framealloc/group/group_allocator.hpp>
#include <framealloc/smart_alloc_guarded.hpp>

#include <functional>
#include <memory>
#include <string>
#include <tuple>
#include <vector>

using namespace framealloc;
using namespace framealloc::test;

// What is wrong with the use of a group has a code and the group's name at every level, and where records are kept the places.

namespace {

using every_level = std::tuple<smart_alloc, smart_alloc_debug, smart_alloc_guarded, smart_alloc_single_threaded>;

template <class Alloc>
constexpr bool knows_places = detail::keeps_records<typename Alloc::assembly_type>;
template <class Alloc>
constexpr bool checks = Alloc::assembly_type::diagnostics::checks_blocks;

bool has(std::string const& text, char const* part) { return text.find(part) != std::string::npos; }

/// Calls something when it goes.
struct last_words {
    std::function<void()> say;
    explicit last_words(std::function<void()> what) : say(std::move(what)) {}
    ~last_words() { say(); }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(misuse_of_groups)

BOOST_AUTO_TEST_CASE_TEMPLATE(a_name_that_is_taken_is_refused_and_its_group_goes_on, Alloc, every_level)
{
    Alloc alloc;
    auto level = alloc.groups().create("level_1");
    level.template make<int>(1);

    auto const second = how_it_fails([&] { static_cast<void>(alloc.groups().create("level_1")); });
    BOOST_TEST(second.failed);
    BOOST_TEST(second.code == fault_code::group_name_refused);
    BOOST_TEST(second.says("group: level_1"));
    BOOST_TEST(second.says("with 1 objects in 16 bytes"));
    BOOST_TEST(second.says("created at: ") == knows_places<Alloc>);

    fault_recorder const faults;
    auto const third = alloc.groups().try_create("level_1");
    BOOST_TEST(!third);
    BOOST_TEST(faults.count() == 1u);
    BOOST_TEST(faults.last() == fault_code::group_name_refused);
    BOOST_TEST(faults.last_would_stop() == checks<Alloc>);

    BOOST_TEST(alloc.groups().count() == 1u);
    BOOST_TEST(level.template make<int>(2) != nullptr);
    BOOST_TEST(level.stats().objects == 2u);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_name_may_have_63_bytes_and_no_more, Alloc, every_level)
{
    Alloc alloc;
    std::string const longest(max_group_name, 'n'), too_long(max_group_name + 1, 'n');
    auto const level = alloc.groups().create(longest);
    BOOST_TEST(level.name() == longest);
    BOOST_TEST(bool(alloc.groups().find(longest)));
    auto const refused = how_it_fails([&] { static_cast<void>(alloc.groups().create(too_long)); });
    BOOST_TEST(refused.code == fault_code::group_name_refused);
    BOOST_TEST(refused.says("the name has 64 bytes; expected at most 63"));
    BOOST_TEST(!alloc.groups().find(too_long));
    BOOST_TEST(alloc.groups().count() == 1u);
}

BOOST_AUTO_TEST_CASE(a_configuration_out_of_range_is_refused_with_field_value_and_range)
{
    smart_alloc alloc;
    struct {
        group_config config;
        char const* says;
    } const cases[] = {
        {{.first_block_bytes = 511}, "first_block_bytes is 511; expected 512 to 1048576"},
        {{.first_block_bytes = 2_MiB}, "first_block_bytes is 2097152; expected 512 to 1048576"},
        {{.block_bytes = 1023}, "block_bytes is 1023; expected 1024 to 1073741824"},
        {{.block_bytes = 2_GiB}, "block_bytes is 2147483648; expected 1024 to 1073741824"},
    };
    for (auto const& [config, says] : cases) {
        fault_recorder const faults;
        BOOST_TEST(!alloc.groups().try_create("level_1", config));
        BOOST_TEST(faults.last() == fault_code::bad_configuration);
        BOOST_TEST(has(faults.last_text(), says));
#if FRAMEALLOC_EXCEPTIONS
        BOOST_CHECK_THROW(static_cast<void>(alloc.groups().create("level_1", config)), configuration_error);
#endif
    }
    BOOST_TEST(alloc.groups().count() == 0u);
    // Odd ones within the range do.
    auto level = alloc.groups().create("level_1", {.first_block_bytes = 513, .block_bytes = 1025});
    for (int i = 0; i < 1000; ++i) level.make<std::size_t>(1u);
    BOOST_TEST(level.stats().objects == 1000u);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_freed_group_refuses_by_every_verb, Alloc, every_level)
{
    Alloc alloc;
    for (bool const shared : {false, true}) {
        auto level = alloc.groups().create("level_1", {.shared = shared});
        level.template make<int>(1);
        auto ref = level.ref();
        level.free();
        auto const expect_refusals = [&](auto& of, bool knows_name) {
            fault_recorder const faults;
            BOOST_TEST(of.try_alloc({.bytes = 8, .align = 8}) == nullptr);
            BOOST_TEST(of.template try_alloc<int>() == nullptr);
            BOOST_TEST(of.template try_make<int>(3) == nullptr);
            BOOST_TEST(of.template try_make<std::string>() == nullptr);
            BOOST_TEST(of.template try_make_array<std::string>(3).data() == nullptr);
            BOOST_TEST(of.try_alloc({.bytes = 1_MiB, .align = 8}) == nullptr);
            BOOST_TEST(of.try_alloc({.bytes = 0, .align = 8}) == nullptr);
            BOOST_TEST(of.try_alloc({.bytes = 8, .align = 4096}) == nullptr);
            BOOST_TEST(faults.count() == 8u);
            for (fault_code const code : faults.codes()) BOOST_TEST(code == fault_code::group_not_live);
            BOOST_TEST(has(faults.last_text(), "has been freed; asked for 8 bytes, align 4096"));
            BOOST_TEST(has(faults.last_text(), "group: level_1") == knows_name);
            for (char const* place : {" at: ", "created at: ", "freed at: "}) {
                BOOST_TEST(has(faults.last_text(), place) == knows_places<Alloc>);
            }
            BOOST_TEST(faults.last_would_stop() == checks<Alloc>);

            BOOST_TEST(!of.is_live());
            BOOST_TEST(of.name() == "");
            BOOST_TEST(of.stats().reserved_bytes == 0u);
            BOOST_TEST(!of.owns(&alloc));
            BOOST_TEST(!of.try_give_back(&alloc, 8));
            BOOST_TEST(faults.count() == 8u);  // to ask is no mistake
        };
        // The owner's handle may outlive the allocator: it keeps what it knows itself, where records are kept.
        expect_refusals(level, knows_places<Alloc>);
        expect_refusals(ref, true);
        auto const thrown = how_it_fails([&] { level.template make<int>(3); });
        BOOST_TEST(thrown.failed);
        BOOST_TEST(thrown.code == fault_code::group_not_live);
        BOOST_TEST(thrown.says("group: level_1") == knows_places<Alloc>);
        BOOST_TEST(how_it_fails([&] { static_cast<void>(ref.alloc({.bytes = 8})); }).code ==
                   fault_code::group_not_live);
    }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_handle_without_a_group_refuses, Alloc, every_level)
{
    fault_recorder const faults;
    group_of<Alloc> empty;
    BOOST_TEST(empty.template try_make<int>(1) == nullptr);
    BOOST_TEST(has(faults.last_text(), "the handle has no group"));
    empty.free();
    BOOST_TEST(faults.count() == 2u);
    group_ref<typename Alloc::assembly_type> nothing;
    BOOST_TEST(nothing.template try_make<int>(1) == nullptr);
    BOOST_TEST(nothing.try_alloc({.bytes = 0}) == nullptr);

    Alloc alloc;
    auto level = alloc.groups().create("level_1");
    auto const other = std::move(level);
    BOOST_TEST(level.template try_make<int>(1) == nullptr);
    BOOST_TEST(faults.count() == 5u);
    BOOST_TEST(faults.last() == fault_code::group_not_live);
    BOOST_TEST(other.is_live());
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_group_freed_twice_is_told_and_nothing_happens, Alloc, every_level)
{
    Alloc alloc;
    auto level = alloc.groups().create("level_1");
    auto const ref = level.ref();
    level.free();
    fault_recorder const faults;
    level.free();
    BOOST_TEST(faults.last() == fault_code::group_not_live);
    BOOST_TEST(has(faults.last_text(), "the group has been freed\n"));
    BOOST_TEST(has(faults.last_text(), "freed at: ") == knows_places<Alloc>);
    alloc.groups().free(ref);
    alloc.groups().free({});
    BOOST_TEST(faults.count() == 3u);
    BOOST_TEST(bool(alloc.verify()));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_reference_is_never_mistaken_for_the_group_that_has_its_place_now, Alloc, every_level)
{
    Alloc alloc;
    auto old = alloc.groups().create("level_1");
    auto ref = old.ref();
    old.free();
    // Where records are kept, the groups that were freed last are remembered: these are more.
    for (int i = 0; i < 40; ++i) alloc.groups().create("another").free();
    auto next = alloc.groups().create("level_1");
    for (int i = 0; i < 40; ++i) alloc.groups().create("another").free();
    fault_recorder const faults;
    BOOST_TEST(!ref.is_live());
    BOOST_TEST(ref.template try_make<int>(1) == nullptr);
    BOOST_TEST(old.template try_make<int>(1) == nullptr);
    alloc.groups().free(ref);
    BOOST_TEST(has(faults.last_text(), "freed long ago"));
    old.free();
    BOOST_TEST(faults.count() == 4u);
    BOOST_TEST(next.is_live());
    BOOST_TEST(next.stats().objects == 0u);
    BOOST_TEST(!(ref == next.ref()));
}

BOOST_AUTO_TEST_CASE(a_reference_to_one_of_the_groups_that_were_freed_last_is_told_which_it_was)
{
    smart_alloc_debug alloc;
    auto old = alloc.groups().create("level_1");
    auto ref = old.ref();
    old.free();
    auto next = alloc.groups().create("level_2");
    fault_recorder const faults;
    BOOST_TEST(ref.try_make<int>(1) == nullptr);
    BOOST_TEST(has(faults.last_text(), "the group has been freed; asked for 4 bytes"));
    BOOST_TEST(has(faults.last_text(), "group: level_1"));
    BOOST_TEST(has(faults.last_text(), "freed at:"));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_group_of_another_allocator_is_left_alone, Alloc, every_level)
{
    Alloc first, second;
    auto level = first.groups().create("level_1");
    int* const kept = level.template make<int>(7);
    fault_recorder const faults;
    second.groups().free(level.ref());
    BOOST_TEST(faults.count() == 1u);
    BOOST_TEST(faults.last() == fault_code::group_not_live);
    BOOST_TEST(has(faults.last_text(), "belongs to instance"));
    BOOST_TEST(has(faults.last_text(), "group: level_1"));
    BOOST_TEST(level.is_live());
    BOOST_TEST(*kept == 7);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_member_cannot_be_freed_by_itself, Alloc, every_level)
{
    Alloc alloc;
    auto level = alloc.groups().create("level_1");
    auto* const first = level.template make<std::string>(std::size_t{100}, 'a');
    auto* const large = static_cast<char*>(level.alloc({.bytes = 1_MiB, .align = 16}));
    {
        fault_recorder const faults;
        alloc.heap_free(first);
        alloc.pool_free(static_cast<void*>(first));
        alloc.heap_free(large + 4096);
        BOOST_TEST(faults.count() == 3u);
    }
    BOOST_TEST(first->size() == 100u);
    level.free();
    BOOST_TEST(alloc.stats().heap_bytes_live == 0u);
    BOOST_TEST(bool(alloc.verify()));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(while_a_group_is_freed_its_destructors_may_use_everything_else, Alloc, every_level)
{
    Alloc alloc;
    fault_recorder const faults;
    auto level = alloc.groups().create("level_1");
    auto other = alloc.groups().create("other");
    other.template make<int>(1);
    auto ref = level.ref();
    group_of<Alloc> created;
    int said = 0;
    level.template make<last_words>([&] {
        BOOST_TEST(level.template try_make<int>(1) == nullptr);  // refused: it is going
        BOOST_TEST(ref.try_alloc({.bytes = 1_MiB}) == nullptr);
        BOOST_TEST(faults.count() == 2u);
        BOOST_TEST(has(faults.last_text(), "is being freed"));
        level.free();
        alloc.groups().free(ref);
        BOOST_TEST(faults.count() == 4u);
        other.free();
        created = alloc.groups().create("created");
        created.template make<int>(2);
        alloc.pool_delete(alloc.template pool_new<int>(3));
        BOOST_TEST(!alloc.groups().try_create("level_1"));  // taken, until it is gone
        BOOST_TEST(faults.count() == 5u);
        ++said;
    });
    level.free();
    BOOST_TEST(said == 1);
    BOOST_TEST(faults.count() == 5u);
    BOOST_TEST(!other);
    BOOST_TEST(created.is_live());
    BOOST_TEST(alloc.groups().count() == 1u);
    BOOST_TEST(bool(alloc.groups().try_create("level_1")));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(an_allocator_that_ends_frees_its_groups_and_empties_their_handles, Alloc, every_level)
{
    fault_recorder const faults;
    std::string diary;
    auto alloc = std::make_unique<Alloc>();
    auto first = alloc->groups().create("first");
    auto second = alloc->groups().create("second", {.shared = true});
    auto const unnamed = alloc->groups().create();
    first.template make<last_words>([&] { diary += 'a'; });
    first.template make<last_words>([&] { diary += 'b'; });
    second.template make<last_words>([&, a = alloc.get()] {
        a->pool_delete(a->template pool_new<int>(1));  // the allocator still works
        diary += 'c';
    });
    alloc.reset();
    BOOST_TEST(diary == "cba");  // the newest group first, the newest object first
    if constexpr (checks<Alloc>) {
        BOOST_TEST_REQUIRE(faults.count() == 3u);
        for (fault_code const code : faults.codes()) BOOST_TEST(code == fault_code::live_at_end);
        BOOST_TEST(has(faults.last_text(), "group: first"));
        BOOST_TEST(has(faults.last_text(), "with 2 objects in"));
        BOOST_TEST(has(faults.last_text(), "created at: "));
        BOOST_TEST(has(faults.last_text(), "  at: "));
        BOOST_TEST(faults.last_would_stop());
    } else {
        BOOST_TEST(faults.count() == 0u);
    }
    BOOST_TEST(!first);
    BOOST_TEST(first.template try_make<int>(1) == nullptr);
    BOOST_TEST(faults.last() == fault_code::group_not_live);
    BOOST_TEST(has(faults.last_text(), "the allocator of the group has ended"));
    first.free();
    BOOST_TEST(faults.last() == fault_code::group_not_live);
    // And their ends do nothing.
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_handle_may_outlive_its_allocator_when_its_group_was_freed_before, Alloc, every_level)
{
    fault_recorder const faults;
    group_of<Alloc> by_hand, by_reference, never;
    {
        Alloc alloc;
        by_hand = alloc.groups().create("by hand");
        by_reference = alloc.groups().create("by reference");
        by_hand.free();
        alloc.groups().free(by_reference.ref());
    }
    BOOST_TEST(faults.count() == 0u);
    for (group_of<Alloc>* const g : {&by_hand, &by_reference, &never}) {
        BOOST_TEST(!*g);
        BOOST_TEST(g->template try_make<int>(1) == nullptr);
        group_of<Alloc> const moved = std::move(*g);
    }
    BOOST_TEST(faults.count() == 3u);
}

BOOST_AUTO_TEST_CASE(whoever_is_told_of_live_groups_may_free_them)
{
    static smart_alloc_debug* ending = nullptr;
    static int told = 0;
    std::string diary;
    group_of<smart_alloc_debug> one, two;
    auto const before = set_fault_handler([](fault const&) {
        if (told++ == 0) {
            ending->groups().free(ending->groups().find("one"));
            ending->groups().free(ending->groups().find("two"));
        }
        return fault_action::go_on;
    });
    {
        smart_alloc_debug alloc;
        ending = &alloc;
        one = alloc.groups().create("one");
        two = alloc.groups().create("two");
        one.make<last_words>([&] { diary += '1'; });
        two.make<last_words>([&] { diary += '2'; });
    }
    set_fault_handler(before);
    BOOST_TEST(told == 1);
    BOOST_TEST(diary == "12");
    BOOST_TEST(!one);
    BOOST_TEST(!two);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_container_that_outlives_its_group_is_told_where_somebody_checks, Alloc, every_level)
{
    using in_group = group_allocator<int, Alloc>;
    Alloc alloc;
    auto level = alloc.groups().create("level_1");
    fault_recorder const faults;
    {
        std::vector<int, in_group> kept{in_group{level}};
        kept.assign(100, 1);
        level.free();
        BOOST_TEST(faults.count() == 0u);
    }
    BOOST_TEST(faults.count() == std::size_t{checks<Alloc>});
    if (checks<Alloc>) {
        BOOST_TEST(faults.last() == fault_code::group_not_live);
        BOOST_TEST(has(faults.last_text(), "group: level_1"));
    }
    auto const grown = how_it_fails([&] { std::vector<int, in_group>(5, 1, in_group{level}); });
    BOOST_TEST(grown.code == fault_code::group_not_live);
}

BOOST_AUTO_TEST_SUITE_END()
