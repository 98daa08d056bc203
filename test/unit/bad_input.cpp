// SPDX-License-Identifier: MIT OR Apache-2.0
#include "support/test.hpp"

#include "support/failing.hpp"
#include "support/faults.hpp"

#include <framealloc/arena/fixed.hpp>
#include <framealloc/budget/global.hpp>

#include <string>
#include <utility>

using namespace framealloc;
using test::fault_recorder;
using test::how_it_fails;

// One table for all three intents: what cannot be served is refused, named with its numbers, and nothing has changed.

namespace {

constexpr std::size_t size_max = SIZE_MAX;
constexpr std::size_t ptrdiff_max = PTRDIFF_MAX;

constexpr layout impossible_alignments[] = {
    {.bytes = 16, .align = 0},         {.bytes = 16, .align = 3},        {.bytes = 16, .align = 24},
    {.bytes = 16, .align = 4_MiB},     {.bytes = 16, .align = size_max}, {.bytes = 0, .align = 0},
    {.bytes = size_max, .align = 48},  {.bytes = 4, .align = (size_max >> 1) + 1},
};
constexpr layout impossible_sizes[] = {
    {.bytes = size_max, .align = 1},
    {.bytes = size_max, .align = 2_MiB},
    {.bytes = size_max - 15, .align = 16},
    {.bytes = ptrdiff_max, .align = 16},
    {.bytes = ptrdiff_max + 1, .align = 16},
    {.bytes = max_request_bytes + 1, .align = 1},
};

/// Calls `check(name, try form, plain form)` for each of the three intents.
template <class Alloc, class Check>
void for_each_intent(Alloc& alloc, Check&& check)
{
    check("frame", [&](layout l) { return alloc.try_frame_alloc(l); }, [&](layout l) { return alloc.frame_alloc(l); });
    check("pool", [&](layout l) { return alloc.try_pool_alloc(l); }, [&](layout l) { return alloc.pool_alloc(l); });
    check("heap", [&](layout l) { return alloc.try_heap_alloc(l); }, [&](layout l) { return alloc.heap_alloc(l); });
    auto& local = alloc.local();
    check(
        "frame, local", [&](layout l) { return local.try_frame_alloc(l); },
        [&](layout l) { return local.frame_alloc(l); });
    check(
        "pool, local", [&](layout l) { return local.try_pool_alloc(l); },
        [&](layout l) { return local.pool_alloc(l); });
}

template <class Alloc>
void refuses_what_is_impossible()
{
    Alloc alloc;
    alloc.begin_frame();
    static_cast<void>(alloc.frame_alloc(layout{.bytes = 100}));
    auto const pooled = alloc.template pool_box<int>(1);
    auto const large = alloc.template heap_box<int>(2);

    auto const expect = [&](layout bad, fault_code code, std::string const& note) {
        for_each_intent(alloc, [&](char const* name, auto&& try_form, auto&& plain_form) {
            BOOST_TEST_CONTEXT(name << ", " << bad.bytes << " bytes, alignment " << bad.align) {
                alloc_stats const before = alloc.stats();
                {
                    fault_recorder const faults;
                    BOOST_TEST(try_form(bad) == nullptr);
                    // The caller sees the refusal; only where somebody checks is it reported as well.
                    bool const reported = Alloc::assembly_type::diagnostics::checks_blocks;
                    BOOST_TEST(faults.count() == (reported ? 1u : 0u));
                    if (reported) BOOST_TEST(faults.last() == code);
                }
                auto const seen = how_it_fails([&] { static_cast<void>(plain_form(bad)); });
                BOOST_TEST(seen.failed);
                BOOST_TEST(seen.code == code);
                BOOST_TEST(seen.says(note.c_str()));
                BOOST_TEST((alloc.stats() == before));
            }
        });
    };
    for (layout const bad : impossible_alignments) {
        expect(bad, fault_code::impossible_alignment,
               "asked for alignment " + std::to_string(bad.align) + " (and " + std::to_string(bad.bytes) +
                   " bytes); expected a power of two from 1 to 2097152");
    }
    for (layout const bad : impossible_sizes) {
        expect(
            bad, fault_code::impossible_size,
            "asked for " + std::to_string(bad.bytes) + " bytes; expected at most " + std::to_string(max_request_bytes));
    }
    // And the next request is served as if nothing had been.
    BOOST_TEST(alloc.try_frame_alloc(layout{.bytes = 16}) != nullptr);
    BOOST_TEST(bool(alloc.verify()));
    alloc.end_frame();
}

/// The largest requests that are possible in principle: the backend is asked, and has no such thing.
template <class Alloc>
void refuses_what_nobody_has()
{
    Alloc alloc;
    alloc.begin_frame();
    char* const kept = static_cast<char*>(alloc.frame_alloc(layout{.bytes = 16}));
    for (layout const huge : {layout{max_request_bytes, 1}, layout{max_request_bytes, 2_MiB},
                              layout{std::size_t{1} << 62, 64}, layout{std::size_t{1} << 48, 16}}) {
        for_each_intent(alloc, [&](char const* name, auto&& try_form, auto&& plain_form) {
            BOOST_TEST_CONTEXT(name << ", " << huge.bytes << " bytes, alignment " << huge.align) {
                alloc_stats before = alloc.stats();
                fault_recorder const faults;
                BOOST_TEST(try_form(huge) == nullptr);
                BOOST_TEST(faults.count() == 0u);
                alloc_stats after = alloc.stats();
                after.backend_calls = before.backend_calls;
                BOOST_TEST((after == before));
                auto const seen = how_it_fails([&] { static_cast<void>(plain_form(huge)); });
                BOOST_TEST(seen.code == fault_code::out_of_memory);
                BOOST_TEST(seen.says(("asked for " + std::to_string(huge.bytes) + " bytes").c_str()));
            }
        });
    }
    BOOST_TEST(alloc.try_frame_alloc(layout{.bytes = 16}) == kept + 16);
    BOOST_TEST(bool(alloc.verify()));
    alloc.end_frame();
}

}  // namespace

BOOST_AUTO_TEST_SUITE(bad_input)

BOOST_AUTO_TEST_CASE(impossible_sizes_and_alignments_are_refused_by_name_on_every_path)
{
    refuses_what_is_impossible<smart_alloc>();
    refuses_what_is_impossible<smart_alloc_debug>();
    refuses_what_is_impossible<smart_alloc_single_threaded>();
    refuses_what_is_impossible<smart_alloc_minimal>();
    refuses_what_is_impossible<basic_smart_alloc<arena::fixed<4096>>>();
}

BOOST_AUTO_TEST_CASE(sizes_beyond_all_memory_are_refused_and_nothing_changes)
{
    // Over pages: a sanitizer's malloc would take the question itself for a mistake.
    refuses_what_nobody_has<basic_smart_alloc<backend::virtual_memory>>();
    refuses_what_nobody_has<basic_smart_alloc<backend::virtual_memory, sync::single_threaded>>();
}

BOOST_AUTO_TEST_CASE(an_impossible_alignment_stops_a_debug_program)
{
    auto const child = test::run_in_child([] {
        smart_alloc_debug alloc;
        std::size_t const volatile align = 24;
        return alloc.try_pool_alloc(layout{.bytes = 16, .align = align}) == nullptr ? 0 : 1;
    });
    BOOST_TEST(child.aborted());
    BOOST_TEST(child.says("[framealloc][FA305] error: alignment that cannot be honoured"));
    BOOST_TEST(child.says("asked for alignment 24"));
}

BOOST_AUTO_TEST_CASE(zero_bytes_are_served_everywhere)
{
    smart_alloc_debug alloc;
    fault_recorder const faults;
    alloc.begin_frame();
    for_each_intent(alloc, [&](char const* name, auto&& try_form, auto&& plain_form) {
        BOOST_TEST_CONTEXT(name) {
            for (std::size_t const align : {std::size_t{1}, std::size_t{64}, std::size_t{8192}, max_alignment}) {
                void* const p = plain_form(layout{.bytes = 0, .align = align});
                void* const q = try_form(layout{.bytes = 0, .align = align});
                BOOST_TEST(p != nullptr);
                BOOST_TEST(q != nullptr);
                BOOST_TEST(p != q);
                BOOST_TEST(reinterpret_cast<std::uintptr_t>(p) % align == 0u);
                bool const in_frame = std::string(name).find("frame") == 0;
                for (void* const block : {p, q}) {
                    if (!in_frame) alloc.pool_free(block);
                }
            }
        }
    });
    alloc.end_frame();
    BOOST_TEST(faults.count() == 0u);
    BOOST_TEST(alloc.stats().pool_blocks_live == 0u);
    BOOST_TEST(alloc.stats().heap_blocks_live == 0u);
}

BOOST_AUTO_TEST_CASE(a_budget_names_its_limit_and_is_not_exceeded)
{
    basic_smart_alloc<budget::global> alloc{budget::global{2_MiB}};
    alloc.begin_frame();
    static_cast<void>(alloc.frame_alloc(layout{.bytes = 16}));
    for_each_intent(alloc, [&](char const* name, auto&& try_form, auto&& plain_form) {
        BOOST_TEST_CONTEXT(name) {
            alloc_stats const before = alloc.stats();
            BOOST_TEST(try_form(layout{.bytes = 3_MiB}) == nullptr);
            auto const seen = how_it_fails([&] { static_cast<void>(plain_form(layout{.bytes = 3_MiB})); });
            BOOST_TEST(seen.code == fault_code::budget_exceeded);
            BOOST_TEST(seen.says("asked for 3145728 bytes"));
            BOOST_TEST(seen.says("of the budget's 2097152 bytes are used"));
            alloc_stats after = alloc.stats();
            after.backend_calls = before.backend_calls;
            BOOST_TEST((after == before));
            BOOST_TEST(alloc.budget().used_bytes() == before.backend_bytes);
        }
    });
    // To the last byte that is left, and no further.
    while (alloc.try_heap_alloc(layout{.bytes = 1000}) != nullptr) BOOST_TEST(alloc.budget().used_bytes() <= 2_MiB);
    BOOST_TEST(alloc.budget().used_bytes() > 2_MiB - 64_KiB);
    BOOST_TEST(alloc.stats().backend_bytes == alloc.budget().used_bytes());
    alloc.end_frame();
}

#if FRAMEALLOC_EXCEPTIONS
BOOST_AUTO_TEST_CASE(a_failure_is_a_bad_alloc_that_knows_the_request)
{
    smart_alloc alloc;
    try {
        static_cast<void>(alloc.heap_alloc(layout{.bytes = size_max, .align = 64}));
        BOOST_ERROR("served");
    } catch (std::bad_alloc const& e) {
        auto const* const failure = dynamic_cast<allocation_failure const*>(&e);
        BOOST_REQUIRE(failure != nullptr);
        BOOST_TEST(failure->code() == fault_code::impossible_size);
        BOOST_TEST((failure->requested() == layout{.bytes = size_max, .align = 64}));
    }
}
#else
BOOST_AUTO_TEST_CASE(without_exceptions_the_failure_handler_is_called_before_the_program_stops)
{
    auto const child = test::run_in_child([] {
        smart_alloc alloc;
        set_failure_handler([](fault const& f) { ::_exit(f.code == fault_code::impossible_size ? 77 : 1); });
        std::size_t const volatile bytes = size_max;
        static_cast<void>(alloc.heap_alloc(layout{.bytes = bytes}));
        return 0;
    });
    BOOST_TEST(child.exited);
    BOOST_TEST(child.status == 77);
    BOOST_TEST(child.says("[framealloc][FA304]"));
}
#endif

BOOST_AUTO_TEST_SUITE_END()
