// SPDX-License-Identifier: MIT OR Apache-2.0
#include "support/tags.hpp"

#include "support/child.hpp"
#include "support/faults.hpp"
#include "support/process.hpp"

#include <barrier>
#include <string>

// Tags by themselves: paths, equality, numbers and the tree that they form.

using namespace framealloc;
using namespace framealloc::test;

namespace {

static_assert(world == allocation_tag{"world"} && world != physics);
static_assert(physics.path() == "world/physics" && physics.depth() == 2 && contacts.depth() == 3 && world.depth() == 1);
static_assert(allocation_tag{"a/b/c/d/e/f/g/h"}.depth() == allocation_tag::max_depth);
// Names that begin alike are different, and so are characters that look alike.
static_assert(allocation_tag{"world/phys"} != physics && allocation_tag{"World"} != world);

std::string bytes(std::size_t n) { return std::string(n, 'x'); }

#if FRAMEALLOC_EXCEPTIONS
/// What is said of a path that is none; empty where it is one.
std::string error_of(std::string const& path)
{
    try {
        static_cast<void>(allocation_tag{path});
    } catch (configuration_error const& e) {
        return e.what();
    }
    return {};
}
#endif

}  // namespace

BOOST_AUTO_TEST_SUITE(allocation_tags)

BOOST_AUTO_TEST_CASE(a_path_is_equal_wherever_its_characters_lie)
{
    std::string const elsewhere = std::string{"world/"} + "physics";
    allocation_tag const same{elsewhere};
    BOOST_TEST((same == physics));
    BOOST_TEST((same.path().data() != physics.path().data()));
    BOOST_TEST(same.number() == physics.number());
}

BOOST_AUTO_TEST_CASE(a_tag_has_one_number_for_good_and_no_two_have_the_same)
{
    std::size_t const numbers[] = {world.number(), physics.number(), contacts.number(), sound.number()};
    for (std::size_t i = 0; i < 4; ++i) {
        BOOST_TEST((numbers[i] >= 1 && numbers[i] < detail::tag_count));
        for (std::size_t k = 0; k < i; ++k) BOOST_TEST(numbers[i] != numbers[k]);
    }
    BOOST_TEST(contacts.number() == numbers[2]);
    BOOST_TEST(std::string{detail::known_tags.path(contacts.id())} == "world/physics/contacts");
}

BOOST_AUTO_TEST_CASE(tags_form_a_tree_and_what_is_above_one_gets_its_number_first)
{
    constexpr allocation_tag leaf{"tags_test/middle/leaf"};
    detail::tag_id const id = leaf.id();
    detail::tag_id const middle = detail::known_tags.parent(id), top = detail::known_tags.parent(middle);
    BOOST_TEST(std::string{detail::known_tags.path(middle)} == "tags_test/middle");
    BOOST_TEST(std::string{detail::known_tags.path(top)} == "tags_test");
    BOOST_TEST(detail::known_tags.parent(top) == detail::root_tag);
    BOOST_TEST(allocation_tag{"tags_test/middle"}.id() == middle);
    BOOST_TEST((top < middle && middle < id));
    BOOST_TEST(detail::known_tags.is_below(id, top));
    BOOST_TEST(detail::known_tags.is_below(id, detail::root_tag));
    BOOST_TEST(!detail::known_tags.is_below(top, id));
    BOOST_TEST(!detail::known_tags.is_below(id, id));
    BOOST_TEST(!detail::known_tags.is_below(id, world.id()));
}

BOOST_AUTO_TEST_CASE(the_path_of_a_number_outlives_the_characters_it_was_made_of)
{
    auto gone = std::make_unique<std::string>("tags_test/short_lived");
    detail::tag_id const id = allocation_tag{*gone}.id();
    gone->assign(gone->size(), '#');
    gone.reset();
    BOOST_TEST(std::string{detail::known_tags.path(id)} == "tags_test/short_lived");
}

BOOST_AUTO_TEST_CASE(threads_that_meet_at_a_new_tag_agree_on_its_number)
{
    auto const child = run_in_child([] {
        std::barrier together{8};
        std::string paths[16];
        for (std::size_t i = 0; i < 16; ++i) paths[i] = "race/" + std::to_string(i / 4) + "/" + std::to_string(i);
        std::size_t numbers[8][16];
        on_threads(8, [&](std::size_t t) {
            together.arrive_and_wait();
            for (std::size_t i = 0; i < 16; ++i) numbers[t][i] = allocation_tag{paths[i]}.number();
        });
        for (std::size_t t = 1; t < 8; ++t) {
            for (std::size_t i = 0; i < 16; ++i) {
                if (numbers[t][i] != numbers[0][i]) return 1;
                if (paths[i] != detail::known_tags.path(static_cast<detail::tag_id>(numbers[t][i]))) return 2;
            }
        }
        std::size_t known = 0;
        detail::known_tags.for_each([&](detail::tag_id t) {
            known += std::string{detail::known_tags.path(t)}.starts_with("race");
        });
        return known == 1 + 4 + 16 ? 0 : 3;
    });
    // ThreadSanitizer refuses threads in the child of a program with threads.
    if (!under_thread_sanitizer) BOOST_TEST(child.succeeded(), "status " << child.status << ' ' << child.error_text);
}

#if FRAMEALLOC_EXCEPTIONS
BOOST_AUTO_TEST_CASE(a_path_that_is_none_is_named_with_what_is_wrong_with_it)
{
    BOOST_TEST(error_of("") ==
               "[framealloc][FA903] error: allocation tag with a path that is none\n"
               "  note: a tag's path is empty; expected 1 to 95 bytes\n"
               "  help: write names with one / between them\n");
    auto const says = [](std::string const& path, char const* text) {
        BOOST_TEST(error_of(path).find(text) != std::string::npos, path << ": " << error_of(path));
    };
    BOOST_TEST(error_of(bytes(95)) == "");
    says(bytes(96), "a tag's path has 96 bytes; expected 1 to 95");
    BOOST_TEST(error_of("1/2/3/4/5/6/7/8") == "");
    says("1/2/3/4/5/6/7/8/9", "a tag's path has 9 names; expected 1 to 8");
    says("/", "a name in a tag's path is empty, at byte 0");
    says("/a", "a name in a tag's path is empty, at byte 0");
    says("a/", "a name in a tag's path is empty, at byte 2");
    says("a//b", "a name in a tag's path is empty, at byte 2");
    says("a b", "a tag's path has byte 32 at place 1");
    says("a\tb", "a tag's path has byte 9 at place 1");
    says(std::string{"a\0b", 3}, "a tag's path has byte 0 at place 1");
    says("\x7F", "a tag's path has byte 127 at place 0");
    for (char const c : {'"', '=', '\\'}) says(std::string{"ab"} + c, " at place 2; expected printable characters");
    BOOST_TEST(error_of("\xC3\xA4hnlich/ok-1.2_+(3)") == "");
}
#endif

BOOST_AUTO_TEST_CASE(beyond_254_tags_one_is_the_nearest_above_it_and_that_is_said_once)
{
    auto const child = run_in_child([] {
        fault_recorder faults;
        std::size_t before = 0;
        detail::known_tags.for_each([&](detail::tag_id) { ++before; });
        allocation_tag const top{"full"};
        static_cast<void>(top.number());
        // The longest paths there are: the room for their characters does not run out first.
        std::vector<std::string> paths(260);
        std::size_t named = 0;
        for (std::size_t i = 0; i < paths.size(); ++i) {
            paths[i] = "full/" + std::to_string(i) + "_";
            paths[i] += bytes(95 - paths[i].size());
            named += allocation_tag{paths[i]}.number() != top.number();
        }
        if (named != 254 - before - 1) return 1;
        if (faults.count() != 1 || faults.last() != fault_code::too_many_tags) return 2;
        if (faults.last_text() != "[framealloc][FA309] warning: more allocation tags than a process can tell apart\n"
                                  "  note: 254 tags are in use; the allocations of this one are charged to the tag above it\n"
                                  "  help: use fewer, for what has a budget\n") {
            std::fputs(faults.last_text().c_str(), stderr);
            return 3;
        }
        // Who has a number keeps it; a new name at the top is charged to nobody in particular.
        if (allocation_tag{paths[0]}.number() == top.number() || allocation_tag{"late"}.number() != detail::root_tag) return 4;
        tagged<> alloc;
        allocation_tag const late{paths[259]};
        auto const scope = alloc.tag_scope(late);
        void* const p = alloc.heap_alloc(layout{.bytes = 100, .align = 16});
        if (alloc.budgets().usage(top).heap_bytes != 100) return 5;
        alloc.heap_free(p);
#if FRAMEALLOC_EXCEPTIONS
        // Limits for it would be another's.
        try {
            alloc.budgets().set(late, {.hard = 100});
            return 6;
        } catch (configuration_error const& e) {
            if (std::string{e.what()}.find("FA309") == std::string::npos) return 7;
        }
        if (alloc.budgets().limits(top) != budget_limits{}) return 8;
#endif
        return faults.count() == 1 ? 0 : 9;
    });
    BOOST_TEST(child.succeeded(), "status " << child.status << ' ' << child.error_text);
}

BOOST_AUTO_TEST_SUITE_END()
