// SPDX-License-Identifier: MIT OR Apache-2.0
#include "support/test.hpp"

#include "support/failing.hpp"
#include "support/faults.hpp"

#include <framealloc/scratch/scratch_arena.hpp>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <type_traits>

using namespace framealloc;
using namespace framealloc::test;

// What is wrong with the use of a scratch arena has a code and the arena's name, at every level, and nothing is lost.

namespace {

using every_level = std::tuple<smart_alloc, smart_alloc_debug, smart_alloc_single_threaded>;

template <class Alloc>
constexpr bool checks = Alloc::assembly_type::diagnostics::checks_blocks;

/// Calls something when it goes.
struct last_words {
    std::function<void()> say;
    explicit last_words(std::function<void()> what) : say(std::move(what)) {}
    ~last_words() { say(); }
};

template <class T>
concept names_an_arena = requires { typename scratch_arena<T>; };
static_assert(names_an_arena<arena::chunked<>> && !names_an_arena<int>);
static_assert(!std::is_constructible_v<scratch_arena<>, smart_alloc&, std::nullptr_t>);
static_assert(!std::is_copy_constructible_v<scratch_arena<>> && !std::is_move_constructible_v<scratch_arena<>>);

}  // namespace

BOOST_AUTO_TEST_SUITE(misuse_of_scratch_arenas)

BOOST_AUTO_TEST_CASE_TEMPLATE(a_name_that_is_taken_is_refused_and_its_arena_goes_on, Alloc, every_level)
{
    using arena_type = scratch_arena_of<Alloc>;
    Alloc alloc;
    arena_type parser{alloc, "parser"};
    int const& kept = *parser.template make<int>(7);
    auto const second = how_it_fails([&] { arena_type{alloc, "parser"}; });
    BOOST_TEST(second.code == fault_code::scratch_name_refused);
    BOOST_TEST(second.says("with 16 bytes used of 65536"));
    BOOST_TEST(second.says("scratch arena: parser"));
    BOOST_TEST(second.says("made at: ") == detail::keeps_records<typename Alloc::assembly_type>);
    BOOST_TEST(kept == 7);
    BOOST_TEST(arena_type::list(alloc, {}) == 1u);
    Alloc other;
    arena_type const same_name_elsewhere{other, "parser"};
}

BOOST_AUTO_TEST_CASE(a_name_that_is_too_long_is_refused)
{
    smart_alloc alloc;
    scratch_arena const longest{alloc, std::string(63, 'x')};
    BOOST_TEST(longest.stats().name() == std::string(63, 'x'));
    auto const seen = how_it_fails([&] { scratch_arena<>{alloc, std::string(64, 'x')}; });
    BOOST_TEST(seen.code == fault_code::scratch_name_refused);
    BOOST_TEST(seen.says("64 bytes; expected at most 63"));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_reset_inside_a_scope_is_refused_and_nothing_has_changed, Alloc, every_level)
{
    Alloc alloc;
    scratch_arena_of<Alloc> scratch{alloc, "parser"};
    fault_recorder const faults;
    {
        auto const outer = scratch.scope();
        auto const inner = scratch.scope();
        int const& kept = *scratch.template make<int>(7);
        BOOST_TEST(!scratch.reset());
        BOOST_TEST(faults.last() == fault_code::scratch_scope_open);
        BOOST_TEST(faults.last_text().find("inside 2 scopes") != std::string::npos);
        BOOST_TEST(faults.last_text().find("scratch arena: parser") != std::string::npos);
        BOOST_TEST(faults.last_would_stop() == checks<Alloc>);
        BOOST_TEST(!scratch.release());
        BOOST_TEST(kept == 7);
        BOOST_TEST(scratch.stats().used_bytes == 16u);
    }
    BOOST_TEST(faults.count() == 2u);
    BOOST_TEST(scratch.stats().used_bytes == 0u);
    BOOST_TEST(scratch.reset());
}

BOOST_AUTO_TEST_CASE_TEMPLATE(scopes_out_of_order_are_reported_and_the_outer_one_ends_those_inside, Alloc, every_level)
{
    using scope = scratch_scope<arena::chunked<>, typename Alloc::assembly_type>;
    struct holder {
        scope held;
        explicit holder(scratch_arena_of<Alloc>& of) : held(of.scope()) {}
    };
    Alloc alloc;
    scratch_arena_of<Alloc> scratch{alloc};
    scratch.template make<int>(1);
    auto outer = std::make_unique<holder>(scratch);
    scratch.template make<int>(2);
    auto inner = std::make_unique<holder>(scratch);
    scratch.template make<int>(3);
    fault_recorder const faults;
    outer.reset();
    BOOST_TEST(faults.count() == 1u);
    BOOST_TEST(faults.last() == fault_code::scratch_scope_open);
    BOOST_TEST(faults.last_text().find("before 1 scopes inside it") != std::string::npos);
    BOOST_TEST(scratch.stats().used_bytes == 16u);
    auto const later = scratch.scope();  // another one in its place
    int const& kept = *scratch.template make<int>(4);
    inner.reset();                       // has been ended
    BOOST_TEST(kept == 4);
    BOOST_TEST(scratch.stats().used_bytes == 32u);
    BOOST_TEST(faults.count() == 1u);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_destructor_that_uses_the_arena_that_it_goes_with_is_refused, Alloc, every_level)
{
    Alloc alloc;
    scratch_arena_of<Alloc> scratch{alloc, "parser"};
    fault_recorder const faults;
    int refused = 0;
    scratch.template make<last_words>([&] {
        refused += scratch.template try_make<int>(1) == nullptr;
        refused += !scratch.reset();
        auto const scope = scratch.scope();
        refused += how_it_fails([&] { scratch.template make<int>(1); }).code == fault_code::scratch_not_usable;
        refused += !scratch.try_extend(nullptr, 0, 100);
    });
    scratch.reset();
    BOOST_TEST(refused == 4);
    BOOST_TEST(faults.count() >= 3u);
    for (fault_code const code : faults.codes()) BOOST_TEST(code == fault_code::scratch_not_usable);
    BOOST_TEST(scratch.stats().used_bytes == 0u);
    BOOST_TEST(scratch.template make<int>(2) != nullptr);
    BOOST_TEST(scratch.reset());
}

BOOST_AUTO_TEST_CASE_TEMPLATE(an_arena_that_outlives_its_allocator_is_emptied_then_and_refuses_everything, Alloc, every_level)
{
    using arena_type = scratch_arena_of<Alloc>;
    fault_recorder const faults;
    std::string diary;
    auto alloc = std::make_unique<Alloc>();
    arena_type first{*alloc, "first"};
    {
        arena_type second{*alloc, "second"};
        auto const scope = second.scope();
        first.template make<last_words>([&] { diary += '1'; });
        second.template make<last_words>([&] { diary += '2'; });
        alloc.reset();
        BOOST_TEST(diary == "21");
        BOOST_TEST(!second.is_live());
        BOOST_TEST(faults.count() == (checks<Alloc> ? 2u : 0u));
        if (checks<Alloc>) {
            BOOST_TEST(faults.last() == fault_code::live_at_end);
            BOOST_TEST(faults.last_text().find("scratch arena: first") != std::string::npos);
            BOOST_TEST(faults.last_would_stop());
        }
    }
    std::size_t const before = faults.count();
    BOOST_TEST(first.template try_make<int>(1) == nullptr);
    BOOST_TEST(first.try_alloc({.bytes = 0}) == nullptr);
    BOOST_TEST(!first.reset());
    BOOST_TEST(!first.release());
    BOOST_TEST(first.trim() == 0u);
    { auto const scope = first.scope(); }
    BOOST_TEST(faults.count() == before + 5);
    BOOST_TEST(faults.last() == fault_code::scratch_not_usable);
    BOOST_TEST(faults.last_text().find("scratch arena: first") != std::string::npos);
    BOOST_TEST(how_it_fails([&] { first.template make<int>(1); }).code == fault_code::scratch_not_usable);
    BOOST_TEST(first.stats().reserved_bytes == 0u);
    BOOST_TEST(first.name() == "first");
}

BOOST_AUTO_TEST_SUITE_END()
