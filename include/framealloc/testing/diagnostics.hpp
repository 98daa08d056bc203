// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

// The conformance kit for diagnostics policies:
//
//     #include <framealloc/testing/diagnostics.hpp>
//     auto const report = framealloc::testing::check_diagnostics<my_diagnostics>();
//     BOOST_TEST(report.passed(), report.text());

#include <framealloc/policy.hpp>
#include <framealloc/testing/conformance_report.hpp>
#include <framealloc/testing/detail/threads.hpp>

namespace framealloc::inline v0_1::testing {
namespace kit {

template <class Part>
void count_once(Part& part, std::size_t n) {
    part.on_frame_allocate(n);
    part.on_pool_allocate(2 * n);
    part.on_pool_free();
    part.on_heap_allocate(3 * n);
    part.on_heap_free();
}

/// One operation after another: each raises its own figures, by what was said, and nothing else.
template <class P>
void check_figures(conformance_report& report) {
    typename P::thread_part part{};
    typename P::thread_part const& read = part;
    operation_counts expected{};
    auto const expect = [&](char const* promise) {
        report.expect(read.counts() == (P::counts_operations ? expected : operation_counts{}), promise);
    };
    expect("counts begin at zero");
    part.on_frame_allocate(10);
    expected.frame_allocations = 1, expected.frame_requested_bytes = 10;
    expect("a frame allocation is counted, with its bytes, or nothing is");
    part.on_pool_allocate(20);
    expected.pool_allocations = 1, expected.pool_requested_bytes = 20;
    expect("a pool allocation is counted, with its bytes, or nothing is");
    part.on_pool_free();
    expected.pool_frees = 1;
    expect("a pool free is counted, or nothing is");
    part.on_heap_allocate(std::size_t{1} << 40);
    expected.heap_allocations = 1, expected.heap_requested_bytes = 1ull << 40;
    expect("a heap allocation is counted, with its bytes, or nothing is");
    part.on_heap_free();
    expected.heap_frees = 1;
    expect("a heap free is counted, or nothing is");
    for (unsigned i = 0; i < 100; ++i) count_once(part, i);
    expected += {.frame_allocations = 100,
                 .frame_requested_bytes = 4950,
                 .pool_allocations = 100,
                 .pool_frees = 100,
                 .pool_requested_bytes = 9900,
                 .heap_allocations = 100,
                 .heap_frees = 100,
                 .heap_requested_bytes = 14850};
    expect("counts are sums");
}

/// The owner counts while others read.
template <class P>
void check_readers(conformance_report& report, std::size_t threads) {
    typename P::thread_part part{};
    unsigned long long const most = 20000;
    std::size_t const failures = failures_of_threads(threads, [&](std::size_t i) {
        std::size_t failed = 0;
        unsigned long long before = 0;
        for (unsigned long long n = 0; n < most; ++n) {
            if (i == 0) {
                count_once(part, 1);
            } else {
                unsigned long long const now =
                    static_cast<typename P::thread_part const&>(part).counts().frame_allocations;
                failed += now < before || now > most;
                before = now;
            }
        }
        return failed;
    });
    report.expect(failures == 0, "counts only grow while others read them", {{"failures", failures}});
    report.expect(part.counts().heap_frees == (P::counts_operations ? most : 0), "readers take nothing from the counts",
                  {{"counted", part.counts().heap_frees}, {"expected", most}});
}

}  // namespace kit

/// Holds the diagnostics policy `P` to everything that one promises of itself. What its flags switch on is the
/// framework's.
template <class P>
[[nodiscard]] conformance_report check_diagnostics(std::size_t threads = 3) {
    static_assert(DiagnosticsPolicy<P>,
                  "framealloc: not a diagnostics policy; see framealloc::require_diagnostics for what is missing");
    conformance_report report{"diagnostics"};
    kit::check_figures<P>(report);
    kit::check_readers<P>(report, threads);
    return report;
}

}  // namespace framealloc::testing
