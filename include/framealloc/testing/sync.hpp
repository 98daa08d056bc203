// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

// The conformance kit for sync policies:
//
//     #include <framealloc/testing/sync.hpp>
//     auto const report = framealloc::testing::check_sync<my_sync>();
//     BOOST_TEST(report.passed(), report.text());
//
// Run it under ThreadSanitizer too: then it also finds exchanges and mutexes that publish nothing.

#include <framealloc/detail/atomic.hpp>
#include <framealloc/policy.hpp>
#include <framealloc/testing/conformance_report.hpp>
#include <framealloc/testing/detail/exchanges.hpp>

#include <atomic>
#include <thread>
#include <vector>

namespace framealloc::inline v0_1::testing {
namespace kit {

using framealloc::detail::order;

/// The members that the framework uses, each with the meaning it has in `std::atomic`.
template <class P>
void check_atomic(conformance_report& report) {
    typename P::template atomic<std::uint64_t> n{5};
    report.expect(n.load(order::acquire) == 5, "an atomic begins with what it was given");
    n.store(6, order::release);
    report.expect(n.exchange(7, order::acq_rel) == 6 && n.load(order::relaxed) == 7, "exchange answers what was there");
    std::uint64_t seen = 1;
    report.expect(
        !n.compare_exchange(seen, 9, order::acq_rel, order::relaxed) && seen == 7 && n.load(order::relaxed) == 7,
        "compare_exchange that does not match tells what is there and changes nothing", {{"seen", seen}});
    report.expect(n.compare_exchange(seen, 9, order::acq_rel, order::relaxed) && n.load(order::relaxed) == 9,
                  "compare_exchange that matches exchanges");
    report.expect(
        n.fetch_add(3, order::relaxed) == 9 && n.fetch_sub(4, order::relaxed) == 12 && n.load(order::relaxed) == 8,
        "fetch_add and fetch_sub answer what was there");
    report.expect(
        n.fetch_or(6, order::acq_rel) == 8 && n.fetch_and(12, order::acq_rel) == 14 && n.load(order::relaxed) == 12,
        "fetch_or and fetch_and answer what was there");
    int target = 0;
    typename P::template atomic<int*> pointer{nullptr};
    pointer.store(&target, order::release);
    report.expect(pointer.exchange(nullptr, order::acquire) == &target, "an atomic holds a pointer");
    typename P::template atomic<std::ptrdiff_t> balance{};
    balance.fetch_sub(5, order::relaxed);
    report.expect(balance.load(order::relaxed) == -5, "an atomic begins with zero, and may be negative");
}

template <class P>
void check_atomic_threads(conformance_report& report, std::size_t threads) {
    constexpr std::size_t rounds = 20000;
    typename P::template atomic<std::size_t> sum{0}, exchanged{0}, bits{0};
    static_cast<void>(failures_of_threads(threads, [&](std::size_t i) {
        for (std::size_t n = 0; n < rounds; ++n) {
            sum.fetch_add(1, order::relaxed);
            std::size_t seen = exchanged.load(order::relaxed);
            while (!exchanged.compare_exchange(seen, seen + 1, order::relaxed, order::relaxed)) {}
            bits.fetch_or(std::size_t{1} << i, order::relaxed);
        }
        return std::size_t{0};
    }));
    report.expect(sum.load(order::relaxed) == threads * rounds, "no fetch_add is lost between threads",
                  {{"sum", sum.load(order::relaxed)}, {"expected", threads * rounds}});
    report.expect(exchanged.load(order::relaxed) == threads * rounds, "no compare_exchange is lost between threads",
                  {{"sum", exchanged.load(order::relaxed)}, {"expected", threads * rounds}});
    report.expect(bits.load(order::relaxed) == (std::size_t{1} << threads) - 1, "no fetch_or is lost between threads",
                  {{"bits", bits.load(order::relaxed)}});
}

template <class P>
void check_mutex(conformance_report& report, std::size_t threads) {
    typename P::mutex m{};
    m.lock();
    m.unlock();
    bool const tries = m.try_lock();
    report.expect(tries || !P::one_thread, "a mutex for one thread is always free");
    if (tries) m.unlock();
    m.lock();
    m.unlock();
    if constexpr (!P::one_thread) {
        std::size_t got_in = 0;
        m.lock();
        got_in =
            failures_of_threads(threads, [&](std::size_t) { return m.try_lock() ? std::size_t{1} : std::size_t{0}; });
        report.expect(got_in == 0, "try_lock answers false while another thread holds the mutex", {{"got in", got_in}});
        m.unlock();
        constexpr std::size_t rounds = 5000;
        std::size_t count = 0, inside = 0;
        std::size_t const crowded = failures_of_threads(threads, [&](std::size_t i) {
            std::size_t failures = 0;
            for (std::size_t n = 0; n < rounds; ++n) {
                // Every other time by the other door, where it is open.
                if ((n + i) % 2 != 0 || !m.try_lock()) m.lock();
                failures += ++inside != 1;
                ++count;
                --inside;
                m.unlock();
            }
            return failures;
        });
        report.expect(crowded == 0 && count == threads * rounds, "a mutex lets one thread in at a time",
                      {{"times crowded", crowded}, {"counted", count}, {"expected", threads * rounds}});
    }
}

/// What is sent through an inbox, with a number to tell it by.
struct inbox_item {
    inbox_item* next = nullptr;
    std::size_t number = 0;
};

/// What threads give to one thread arrives once each, or is refused; a closed inbox refuses everything.
template <class P>
void check_inbox(conformance_report& report, std::size_t threads) {
    constexpr std::size_t rounds = 2000;
    typename P::template inbox<inbox_item, 64> box{};
    report.expect(box.take_all() == nullptr, "a fresh inbox is empty");
    std::vector<inbox_item> items(threads * rounds);
    std::atomic<std::size_t> given{0}, givers{threads};
    std::vector<unsigned> seen(items.size());
    std::size_t taken = 0;
    auto const count = [&](inbox_item* first) {
        for (; first != nullptr; first = first->next) {
            ++seen[first->number];
            ++taken;
        }
    };
    std::thread taker{[&] {
        while (givers.load() != 0) count(box.take_all());
    }};
    static_cast<void>(failures_of_threads(threads, [&](std::size_t i) {
        for (std::size_t n = 0; n < rounds; ++n) {
            inbox_item& item = items[i * rounds + n];
            item.number = i * rounds + n;
            given += box.try_give(&item);
        }
        --givers;
        return std::size_t{0};
    }));
    taker.join();
    count(box.close());
    std::size_t doubled = 0;
    for (unsigned const times : seen) doubled += times > 1;
    report.expect(taken == given && doubled == 0, "what is given to an inbox arrives, once",
                  {{"given", given.load()}, {"taken", taken}, {"twice", doubled}});
    inbox_item late{};
    report.expect(!box.try_give(&late), "a closed inbox refuses");
    report.expect(box.close() == nullptr && box.take_all() == nullptr, "a closed inbox is empty");
    report.expect(!box.try_give(&late), "taking does not open a closed inbox");
    box.open();
    std::size_t fits = 0;
    std::vector<inbox_item> more(256);
    while (fits < more.size() && box.try_give(&more[fits])) ++fits;
    report.expect(fits == 64, "an inbox that is opened again takes as many as it is deep", {{"took", fits}});
    std::size_t last = 0;
    for (inbox_item const* i = box.take_all(); i != nullptr; i = i->next) ++last;
    report.expect(last == fits, "take_all takes all", {{"given", fits}, {"taken", last}});
}

}  // namespace kit

/// Holds the sync policy `P` to everything that one promises. With `one_thread` everything is checked on one thread.
template <class P>
[[nodiscard]] conformance_report check_sync(std::size_t threads = 4) {
    static_assert(SyncPolicy<P>, "framealloc: not a sync policy; see framealloc::require_sync for what is missing");
    conformance_report report{"sync"};
    kit::check_atomic<P>(report);
    kit::check_mutex<P>(report, threads);
    // An exchange over a mutex that cannot be tried may refuse everything; any other one works when nobody is in the
    // way.
    typename P::mutex probe{};
    bool const must_accept = probe.try_lock();
    if (must_accept) probe.unlock();
    kit::check_exchange<P, 2>(report, must_accept);
    kit::check_exchange<P, 16>(report, must_accept);
    kit::check_exchange<P, 64>(report, must_accept);
    if constexpr (!P::one_thread) {
        kit::check_atomic_threads<P>(report, threads);
        if (must_accept) {
            kit::check_exchange_threads<P, 4>(report, threads);
            kit::check_exchange_threads<P, 64>(report, threads);
        }
    }
    if constexpr (returns_to_owner<P>) kit::check_inbox<P>(report, threads);
    return report;
}

}  // namespace framealloc::testing
