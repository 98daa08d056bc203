// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

// The conformance kit for budgets:
//
//     #include <framealloc/testing/budget.hpp>
//     my_budget budget{64 << 20};
//     auto const report = framealloc::testing::check_budget(budget);
//     BOOST_TEST(report.passed(), report.text());

#include <framealloc/policy.hpp>
#include <framealloc/testing/conformance_report.hpp>
#include <framealloc/testing/detail/threads.hpp>

namespace framealloc::inline v0_1::testing {
namespace kit {

/// A budget whose limit is SIZE_MAX never refuses; whether it counts is its own affair, but then it counts exactly.
template <class B>
void check_unlimited_budget(B& budget, conformance_report& report) {
    std::size_t const before = budget.used_bytes();
    report.expect(budget.try_charge(1000) && budget.try_charge(24), "a budget without a limit grants everything");
    std::size_t const after = budget.used_bytes();
    report.expect(after == before || after == before + 1024, "a budget counts exactly, or not at all",
                  {{"before", before}, {"after", after}});
    budget.refund(1000);
    budget.refund(24);
    report.expect(budget.used_bytes() == before, "what is refunded is no longer used",
                  {{"before", before}, {"after", budget.used_bytes()}});
}

template <class B>
void check_limited_budget(B& budget, conformance_report& report) {
    std::size_t const before = budget.used_bytes(), limit = budget.limit_bytes();
    if (!report.expect(before < limit, "a budget to be checked has room", {{"used", before}, {"limit", limit}})) return;
    std::size_t const room = limit - before;
    auto const expect_used = [&](std::size_t expected, char const* promise) {
        report.expect(budget.used_bytes() == expected, promise,
                      {{"expected", expected}, {"used", budget.used_bytes()}});
    };
    report.expect(!budget.try_charge(room + 1), "a charge one byte above what is left is refused", {{"left", room}});
    expect_used(before, "a refused charge changes nothing");
    report.expect(budget.try_charge(room), "a charge of exactly what is left is granted", {{"left", room}});
    expect_used(limit, "a charge is counted to the byte");
    for (std::size_t const bytes : {std::size_t{1}, limit, SIZE_MAX - limit, SIZE_MAX - limit + 1, SIZE_MAX}) {
        report.expect(!budget.try_charge(bytes), "a full budget refuses, also where a sum would wrap",
                      {{"bytes", bytes}});
    }
    expect_used(limit, "a refused charge changes nothing");
    report.expect(budget.try_charge(0), "nothing can always be charged");
    budget.refund(1);
    expect_used(limit - 1, "a refund is counted to the byte");
    report.expect(budget.try_charge(1), "what was refunded can be charged again");
    budget.refund(room);
    expect_used(before, "what is refunded is no longer used");
    report.expect(budget.limit_bytes() == limit, "charging does not move the limit", {{"limit", budget.limit_bytes()}});
}

template <class B>
void check_budget_threads(B& budget, conformance_report& report, std::size_t threads) {
    std::size_t const before = budget.used_bytes(), limit = budget.limit_bytes();
    bool const limited = limit != SIZE_MAX;
    std::size_t const step = limited ? (limit - before) / 1000 + 1 : 64;
    std::vector<std::size_t> granted(threads);
    // Each takes and gives back; then each takes until it is refused.
    std::size_t const above = failures_of_threads(threads, [&](std::size_t i) {
        std::size_t failures = 0;
        for (int round = 0; round < 2000; ++round) {
            bool const got = budget.try_charge(step);
            failures += budget.used_bytes() > limit;
            if (got) budget.refund(step);
        }
        while (limited && budget.try_charge(step)) {
            ++granted[i];
            failures += budget.used_bytes() > limit;
        }
        return failures;
    });
    std::size_t sum = 0;
    for (std::size_t const n : granted) sum += n * step;
    report.expect(above == 0, "between threads the limit is never passed", {{"times", above}});
    report.expect(
        !limited || (budget.used_bytes() == before + sum && sum + before <= limit && limit - before - sum < step),
        "between threads charges are exact, and end at the limit",
        {{"charged", sum}, {"used", budget.used_bytes()}, {"limit", limit}, {"step", step}});
    static_cast<void>(failures_of_threads(threads, [&](std::size_t i) {
        for (; granted[i] != 0; --granted[i]) budget.refund(step);
        return std::size_t{0};
    }));
    report.expect(budget.used_bytes() == before, "between threads no refund is lost",
                  {{"before", before}, {"after", budget.used_bytes()}});
}

}  // namespace kit

/// Holds `budget` to everything that a budget promises, against the limit that it has. What it had used before, it has
/// used afterwards. `threads == 1` is for budgets that are one thread's.
template <class B>
[[nodiscard]] conformance_report check_budget(B& budget, std::size_t threads = 4) {
    static_assert(BudgetPolicy<B>,
                  "framealloc: not a budget policy; see framealloc::require_budget for what is missing");
    conformance_report report{"budget"};
    if (budget.limit_bytes() == SIZE_MAX) {
        kit::check_unlimited_budget(budget, report);
    } else {
        kit::check_limited_budget(budget, report);
    }
    if (threads > 1) kit::check_budget_threads(budget, report, threads);
    return report;
}

}  // namespace framealloc::testing
