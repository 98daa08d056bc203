// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

// The part of the sync kit that is for exchanges.

#include <framealloc/policy.hpp>
#include <framealloc/testing/conformance_report.hpp>
#include <framealloc/testing/detail/threads.hpp>

namespace framealloc::inline v0_1::testing::kit {

/// One thread: first in first out, bounded, nothing lost, however often it goes round.
template <class P, std::size_t Depth>
void check_exchange(conformance_report& report, bool must_accept) {
    typename P::template exchange<int, Depth> e{};
    std::vector<int> items(3 * Depth);
    report.expect(e.try_take() == nullptr, "an empty exchange answers null", {{"depth", Depth}});
    std::size_t fits = 0;
    while (fits < items.size() && e.try_put(&items[fits])) ++fits;
    report.expect(fits <= Depth, "an exchange holds no more than its depth", {{"holds", fits}, {"depth", Depth}});
    report.expect(fits != 0 || !must_accept, "an exchange that nobody else uses accepts a pointer", {{"depth", Depth}});
    for (std::size_t i = 0; i < fits; ++i) {
        report.expect(e.try_take() == &items[i], "what went in first comes out first",
                      {{"number", i}, {"depth", Depth}});
    }
    report.expect(e.try_take() == nullptr, "an exchange that has been emptied answers null", {{"depth", Depth}});
    if (fits == 0) return;
    // Round and round, half full, so that each place is used many times over.
    std::size_t put = 0, taken = 0;
    for (; put < fits / 2; ++put)
        report.expect(e.try_put(&items[put]), "an exchange that is not full accepts a pointer");
    for (std::size_t round = 0; round < 5 * Depth; ++round) {
        report.expect(e.try_put(&items[put++ % items.size()]), "an exchange that is not full accepts a pointer",
                      {{"round", round}});
        report.expect(e.try_take() == &items[taken++ % items.size()], "what went in first comes out first",
                      {{"round", round}});
    }
    for (; taken < put; ++taken) {
        report.expect(e.try_take() == &items[taken % items.size()], "what went in comes out", {{"number", taken}});
    }
    report.expect(e.try_take() == nullptr, "an exchange that has been emptied answers null", {{"depth", Depth}});
}

/// Half of the threads put, the other half take: every parcel arrives once, with its content, and one putter's parcels
/// arrive at one taker in the order in which they left.
template <class P, std::size_t Depth>
void check_exchange_threads(conformance_report& report, std::size_t threads) {
    struct parcel {
        std::size_t from = 0, number = 0;
        std::size_t arrived = 0;  // plain: whoever takes a parcel is alone with it
    };
    constexpr std::size_t each = 2000;
    std::size_t const pairs = threads < 2 ? 1 : threads / 2;
    typename P::template exchange<parcel, Depth> e{};
    std::vector<std::vector<parcel>> parcels(pairs, std::vector<parcel>(each));
    std::atomic<std::size_t> putting{pairs};
    auto const arrive = [pairs](parcel& p, std::vector<std::size_t>& newest) {
        bool const wrong = p.from >= pairs || p.arrived++ != 0 || p.number <= newest[p.from];
        newest[p.from] = p.number;
        return std::size_t{wrong};
    };
    std::size_t const failures = failures_of_threads(2 * pairs, [&](std::size_t i) {
        std::size_t failed = 0;
        if (i < pairs) {
            for (std::size_t n = 0; n < each && failed == 0; ++n) {
                parcels[i][n].from = i;
                parcels[i][n].number = n + 1;
                std::size_t tries = 0;
                while (tries < 100'000 && !e.try_put(&parcels[i][n])) {
                    ++tries;  // gives up only on an exchange that is stuck
                    std::this_thread::yield();
                }
                failed = tries == 100'000;
            }
            putting.fetch_sub(1);
            return failed;
        }
        std::vector<std::size_t> newest(pairs);
        // What is left when the putters are done, because the way was barred a few times, is looked at afterwards.
        for (std::size_t taken = 0, idle = 0; taken <= pairs * each && (idle < 100 || putting.load() != 0);) {
            if (parcel* const p = e.try_take()) {
                failed += arrive(*p, newest);
                ++taken;
                idle = 0;
            } else {
                ++idle;
                std::this_thread::yield();
            }
        }
        return failed;
    });
    std::vector<std::size_t> newest(pairs);
    for (std::size_t left = 0; left <= Depth; ++left) {
        if (parcel* const p = e.try_take()) static_cast<void>(arrive(*p, newest));
    }
    report.expect(failures == 0, "between threads an exchange loses nothing, doubles nothing and keeps the order",
                  {{"failures", failures}, {"depth", Depth}});
    std::size_t lost = 0;
    for (auto const& row : parcels) {
        for (parcel const& p : row) lost += p.arrived != 1;
    }
    report.expect(lost == 0, "every parcel arrives once", {{"lost or doubled", lost}, {"depth", Depth}});
}

}  // namespace framealloc::testing::kit
