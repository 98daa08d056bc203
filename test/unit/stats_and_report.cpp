// SPDX-License-Identifier: MIT OR Apache-2.0
#include "support/test.hpp"

#include "support/process.hpp"

#include <framealloc/backend/faulting.hpp>
#include <framealloc/diagnostics/counters.hpp>
#include <framealloc/report.hpp>

#include <nlohmann/json.hpp>

#include <limits>
#include <sstream>
#include <string>
#include <vector>

using namespace framealloc;

namespace {

using counting_alloc = basic_smart_alloc<diagnostics::counters>;

/// Usable before `main` and free of charge until it is used.
constinit smart_alloc constant_initialised;
constinit smart_alloc_debug constant_initialised_debug;

/// Every figure different, and larger than 32 bits.
alloc_stats some_stats() {
    std::size_t n = std::size_t{1} << 40;
    alloc_stats s;
    for (std::size_t* figure : {&s.frame_bytes_used, &s.frame_bytes_reserved, &s.frame_bytes_wasted, &s.frame_bytes_last, &s.frame_bytes_peak,
                                &s.pool_blocks_live, &s.pool_bytes_live, &s.pool_bytes_cached, &s.pool_bytes_reserved, &s.pool_bytes_out_peak,
                                &s.heap_blocks_live, &s.heap_bytes_live, &s.heap_bytes_live_peak, &s.heap_bytes_cached, &s.backend_bytes, &s.backend_bytes_peak,
                                &s.backend_calls, &s.threads}) {
        *figure = ++n;
    }
    operation_counts& o = s.operations;
    for (unsigned long long* figure :
         {&s.frames_begun, &s.frame_bytes_total, &o.frame_allocations, &o.frame_requested_bytes, &o.pool_allocations,
          &o.pool_frees, &o.pool_requested_bytes, &o.heap_allocations, &o.heap_frees, &o.heap_requested_bytes}) {
        *figure = ++n;
    }
    s.backend_bytes = std::numeric_limits<std::size_t>::max();
    return s;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(stats_and_report)

BOOST_AUTO_TEST_CASE(known_amounts_are_counted_exactly)
{
    counting_alloc alloc;
    alloc.begin_frame();
    for (int i = 0; i < 2000; ++i) static_cast<void>(alloc.frame_alloc(layout{.bytes = 100}));
    for (int i = 0; i < 300; ++i) alloc.frame_new<std::uint64_t>();
    static_cast<void>(alloc.frame_array<char>(1'000'000));  // by the slow path
    static_cast<void>(alloc.frame_alloc(layout{.bytes = 0}));
    std::vector<void*> small;
    for (int i = 0; i < 5000; ++i) small.push_back(alloc.pool_alloc(layout{.bytes = 40}));
    std::vector<void*> large;
    for (int i = 0; i < 70; ++i) large.push_back(alloc.heap_alloc(layout{.bytes = 10'001}));
    for (int i = 0; i < 2000; ++i) alloc.pool_free(small[static_cast<std::size_t>(i)]);
    for (int i = 0; i < 30; ++i) alloc.heap_free(large[static_cast<std::size_t>(i)]);

    operation_counts const expected{.frame_allocations = 2000 + 300 + 1 + 1,
                                    .frame_requested_bytes = 200'000 + 2400 + 1'000'000,
                                    .pool_allocations = 5000,
                                    .pool_frees = 2000,
                                    .pool_requested_bytes = 200'000,
                                    .heap_allocations = 70,
                                    .heap_frees = 30,
                                    .heap_requested_bytes = 700'070};
    alloc_stats const s = alloc.stats();
    BOOST_TEST((s.operations == expected));
    BOOST_TEST(s.frame_bytes_used == 2000 * 112 + 300 * 16 + 1'000'000 + 16);
    BOOST_TEST(s.pool_blocks_live == 3000u);
    BOOST_TEST(s.pool_bytes_live == 3000u * 64);
    BOOST_TEST(s.heap_blocks_live == 40u);
    BOOST_TEST(s.heap_bytes_live == 400'040u);
    BOOST_TEST(s.threads == 1u);
    BOOST_TEST(s.pool_bytes_reserved >= s.pool_bytes_live + s.pool_bytes_cached);

    alloc.end_frame();
    alloc_stats const after = alloc.stats();
    BOOST_TEST(after.frame_bytes_used == 0u);
    BOOST_TEST(after.frame_bytes_last == s.frame_bytes_used);
    BOOST_TEST(after.frame_bytes_peak == s.frame_bytes_used);
    BOOST_TEST(after.frame_bytes_total == s.frame_bytes_used);
    BOOST_TEST(after.frames_begun == 1u);
    BOOST_TEST((after.operations == expected));
}

BOOST_AUTO_TEST_CASE(every_way_to_allocate_is_counted_once)
{
    counting_alloc alloc;
    auto const frame_calls = [&] { return alloc.stats().operations.frame_allocations; };
    auto scope = alloc.frame_scope();
    static_cast<void>(scope.frame_alloc<int>());
    static_cast<void>(alloc.local().frame_alloc<int>());
    static_cast<void>(alloc.ref().frame_alloc<int>());
    BOOST_TEST(frame_calls() == 3u);
    alloc.local().pool_delete(alloc.ref().pool_new<int>(1));
    alloc.ref().heap_delete(alloc.local().heap_new<int>(1));
    operation_counts const o = alloc.stats().operations;
    BOOST_TEST(o.pool_allocations == 1u);
    BOOST_TEST(o.pool_frees == 1u);
    BOOST_TEST(o.heap_allocations == 1u);
    BOOST_TEST(o.heap_frees == 1u);
}

BOOST_AUTO_TEST_CASE(refusals_are_not_counted)
{
    counting_alloc alloc;
    alloc.begin_frame();
    static_cast<void>(alloc.frame_alloc<int>());
    alloc_stats const before = alloc.stats();
    BOOST_TEST(alloc.try_frame_alloc(layout{.bytes = SIZE_MAX}) == nullptr);
    BOOST_TEST(alloc.try_pool_alloc(layout{.bytes = SIZE_MAX}) == nullptr);
    BOOST_TEST(alloc.try_heap_alloc(layout{.bytes = 1, .align = 3}) == nullptr);
    BOOST_TEST((alloc.stats() == before));
    alloc.end_frame();
}

BOOST_AUTO_TEST_CASE(last_peak_and_total_follow_the_frames)
{
    smart_alloc alloc;
    std::size_t const sizes[] = {1600, 48'000, 320, 16'000};
    std::size_t total = 0;
    std::size_t peak = 0;
    for (std::size_t const bytes : sizes) {
        alloc.begin_frame();
        static_cast<void>(alloc.frame_alloc(layout{.bytes = bytes}));
        alloc.end_frame();
        total += bytes;
        peak = bytes > peak ? bytes : peak;
        BOOST_TEST(alloc.stats().frame_bytes_last == bytes);
        BOOST_TEST(alloc.stats().frame_bytes_peak == peak);
        BOOST_TEST(alloc.stats().frame_bytes_total == total);
    }
    BOOST_TEST(alloc.stats().frames_begun == 4u);
}

BOOST_AUTO_TEST_CASE(without_counters_bytes_and_live_blocks_are_known_and_operations_are_not)
{
    smart_alloc alloc;
    alloc.begin_frame();
    static_cast<void>(alloc.frame_array<int>(100));
    auto const pooled = alloc.pool_box<int>(1);
    auto const large = alloc.heap_box<int>(1);
    alloc_stats const s = alloc.stats();
    BOOST_TEST(s.frame_bytes_used == 400u);
    BOOST_TEST(s.pool_blocks_live == 1u);
    BOOST_TEST(s.heap_blocks_live == 1u);
    BOOST_TEST((s.operations == operation_counts{}));
    alloc.end_frame();
}

BOOST_AUTO_TEST_CASE(the_backend_is_accounted_for_to_the_byte)
{
    smart_alloc alloc;
    BOOST_TEST(alloc.stats().backend_bytes == 0u);
    BOOST_TEST(alloc.stats().backend_calls == 0u);
    BOOST_TEST(alloc.stats().threads == 0u);
    alloc.begin_frame();
    for (std::size_t i = 0; i < 3000; ++i) {
        static_cast<void>(alloc.frame_alloc(layout{.bytes = i}));
        void* const p = alloc.pool_alloc(layout{.bytes = i * 3});
        if (i % 2 == 0) alloc.pool_free(p);
        if (i % 100 == 0) BOOST_TEST(bool(alloc.verify()));  // what was taken is what the parts hold
    }
    alloc.end_frame();
    BOOST_TEST(bool(alloc.verify()));
    BOOST_TEST(alloc.stats().backend_calls > 0u);
}

BOOST_AUTO_TEST_CASE(the_backends_peak_is_the_most_that_was_taken_and_does_not_fall)
{
    basic_smart_alloc<backend::faulting<backend::system>> alloc{alloc_config{.heap_cache_bytes = 0}};
    void* const small = alloc.heap_alloc(layout{.bytes = 100'000});
    void* const large = alloc.heap_alloc(layout{.bytes = 700'000});
    std::size_t const peak = alloc.stats().backend_bytes;
    BOOST_TEST(peak > 800'000u);
    BOOST_TEST(alloc.stats().backend_bytes_peak == peak);
    alloc.heap_free(large);
    alloc.heap_free(small);
    BOOST_TEST(alloc.stats().backend_bytes < peak - 700'000);
    BOOST_TEST(alloc.stats().backend_bytes_peak == peak);
    alloc.backend().fail(backend::backend_operation::allocate, backend::fault_plan::from(1));
    BOOST_TEST(alloc.try_heap_alloc(layout{.bytes = 50'000'000}) == nullptr);
    BOOST_TEST(alloc.stats().backend_bytes_peak == peak);  // what was refused was not taken
}

BOOST_AUTO_TEST_CASE(no_peak_is_lost_when_sixteen_threads_raise_it)
{
    // A peak kept by a load and a store would lose the largest now and then.
    detail::atomic<unsigned> peak{0}, lost{0};
    test::on_threads(16, [&](std::size_t thread) {
        for (unsigned i = 0; i < 10'000; ++i) {
            unsigned const mine = i * 16 + static_cast<unsigned>(thread);
            detail::raise_to(peak, mine);
            if (peak.load(detail::order::relaxed) < mine) lost.fetch_add(1, detail::order::relaxed);
        }
    });
    BOOST_TEST(lost.load(detail::order::relaxed) == 0u);
    BOOST_TEST(peak.load(detail::order::relaxed) == 9'999u * 16 + 15);
}

BOOST_AUTO_TEST_CASE(statistics_are_printed_one_figure_to_a_line_with_its_unit)
{
    std::string const text = to_text(some_stats());
    std::ostringstream printed;
    printed << some_stats();
    BOOST_TEST(printed.str() == text);
    std::istringstream lines{text};
    std::string line;
    int figures = 0, parts = 0;
    while (std::getline(lines, line)) {
        std::istringstream words{line};
        std::string name, unit, more;
        double value = 0;
        BOOST_TEST(bool(words >> name >> value >> unit));
        BOOST_TEST(!(words >> more));
        if (unit == "%") {
            ++parts;
            bool const is_part = value >= 0 && value <= 100;
            BOOST_TEST(is_part);
            continue;
        }
        ++figures;
        BOOST_TEST(value > double(std::size_t{1} << 40));
        bool const is_unit =
            unit == "bytes" || unit == "calls" || unit == "blocks" || unit == "frames" || unit == "threads";
        BOOST_TEST(is_unit);
    }
    BOOST_TEST(figures == 28);
    BOOST_TEST(parts == 4);
}

BOOST_AUTO_TEST_CASE(the_text_has_the_share_of_each_intent_where_operations_are_counted)
{
    counting_alloc alloc;
    BOOST_TEST(to_text(alloc.stats()).find("share") == std::string::npos);  // of nothing
    alloc.begin_frame();
    for (int i = 0; i < 39; ++i) static_cast<void>(alloc.frame_alloc<int>());
    auto const pooled = alloc.pool_box<int>(1);
    std::string const text = to_text(alloc.stats());
    BOOST_TEST(text.find("frame_share                        97.500 %\n") != std::string::npos);
    BOOST_TEST(text.find("pool_share                          2.500 %\n") != std::string::npos);
    BOOST_TEST(text.find("heap_share                          0.000 %\n") != std::string::npos);
    alloc.end_frame();

    smart_alloc uncounted;
    auto const other = uncounted.pool_box<int>(1);
    BOOST_TEST(to_text(uncounted.stats()).find("share") == std::string::npos);
    intent_shares const none = shares_of({});
    BOOST_TEST((none == intent_shares{}));
}

BOOST_AUTO_TEST_CASE(reports_have_a_column_for_each_intent)
{
    counting_alloc alloc;
    alloc.begin_frame();
    static_cast<void>(alloc.frame_alloc(layout{.bytes = 7000}));
    static_cast<void>(alloc.pool_alloc(layout{.bytes = 300}));
    static_cast<void>(alloc.heap_alloc(layout{.bytes = 9000}));
    nlohmann::json const report = nlohmann::json::parse(to_json(alloc.stats()));
    BOOST_TEST(report["frame_bytes_used"].get<int>() == 7008);
    BOOST_TEST(report["pool_bytes_live"].get<int>() == 512);
    BOOST_TEST(report["heap_bytes_live"].get<int>() == 9000);
    BOOST_TEST(report["operations"]["frame_requested_bytes"].get<int>() == 7000);
    BOOST_TEST(report["operations"]["pool_requested_bytes"].get<int>() == 300);
    BOOST_TEST(report["operations"]["heap_requested_bytes"].get<int>() == 9000);
    std::string const text = to_text(alloc.stats());
    for (char const* name : {"frame_bytes_used", "pool_bytes_live", "heap_bytes_live"}) {
        BOOST_TEST(text.find(name) != std::string::npos);
    }
    alloc.end_frame();
}

BOOST_AUTO_TEST_CASE(statistics_come_back_from_json_as_they_were)
{
    alloc_stats const original = some_stats();
    alloc_stats read;
    std::string error;
    BOOST_TEST(stats_from_json(to_json(original), read, error));
    BOOST_TEST(error == "");
    BOOST_TEST((read == original));

    counting_alloc alloc;
    auto const box = alloc.pool_box<int>(1);
    alloc_stats const real = alloc.stats();
    BOOST_TEST(stats_from_json(to_json(real), read, error));
    BOOST_TEST((read == real));
}

BOOST_AUTO_TEST_CASE(text_that_is_no_statistics_is_refused_with_the_key_that_is_missing)
{
    alloc_stats const before = some_stats();
    auto const refuse = [&](std::string const& json, char const* key) {
        alloc_stats read = before;
        std::string error;
        BOOST_TEST_CONTEXT(json) {
            BOOST_TEST(!stats_from_json(json, read, error));
            BOOST_TEST((read == before));
            BOOST_TEST(error.find(key) != std::string::npos);
        }
    };
    refuse("", "\"frame_bytes_used\"");
    refuse("{", "\"frame_bytes_used\"");
    refuse("[1, 2]", "\"frame_bytes_used\"");
    refuse("{}", "\"frame_bytes_used\"");
    nlohmann::json document = nlohmann::json::parse(to_json(before));
    document["backend_calls"] = -3;
    refuse(document.dump(), "\"backend_calls\"");
    document["backend_calls"] = "many";
    refuse(document.dump(), "\"backend_calls\"");
    document["backend_calls"] = 3;
    document["operations"].erase("pool_frees");
    refuse(document.dump(), "\"pool_frees\"");
    document["operations"] = 5;
    refuse(document.dump(), "\"frame_allocations\"");
    document.erase("operations");
    refuse(document.dump(), "\"frame_allocations\"");
}

BOOST_AUTO_TEST_CASE(an_allocator_may_be_constant_initialised)
{
    constant_initialised.begin_frame();
    BOOST_TEST(*constant_initialised.frame_new<int>(4) == 4);
    constant_initialised.end_frame();
    int* const pooled = constant_initialised_debug.pool_new<int>(5);
    BOOST_TEST(*pooled == 5);
    constant_initialised_debug.pool_delete(pooled);
    BOOST_TEST(bool(constant_initialised.verify()));
    BOOST_TEST(constant_initialised.id() != 0u);
}

BOOST_AUTO_TEST_SUITE_END()
