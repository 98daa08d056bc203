// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

// The part of the backend kit that is for reserve, commit, decommit and release.

#include <framealloc/policy.hpp>
#include <framealloc/testing/conformance_report.hpp>
#include <framealloc/testing/detail/blocks.hpp>
#include <framealloc/testing/detail/threads.hpp>

namespace framealloc::inline v0_1::testing::kit {

/// A multiple of the page on every system that we know.
inline constexpr std::size_t commit_step = std::size_t{64} << 10;

template <class B>
void check_range(B& backend, conformance_report& report, layout range) {
    void* const p = backend.reserve(range);
    if (!report.expect(p != nullptr, "address space can be reserved", {{"bytes", range.bytes}, {"align", range.align}}))
        return;
    report.expect(is_aligned(p, range.align), "a reservation is aligned as it was asked for",
                  {{"bytes", range.bytes}, {"align", range.align}, {"address", framealloc::detail::address_of(p)}});
    std::size_t const steps = range.bytes / commit_step;
    // The last part first: parts may be committed in any order.
    for (std::size_t i = steps; i > 0; --i) {
        void* const part = offset(p, (i - 1) * commit_step);
        if (!report.expect(backend.commit(part, commit_step), "parts of a reservation can be committed in any order",
                           {{"part", i - 1}, {"of", steps}})) {
            static_cast<void>(backend.release(p, range));
            return;
        }
        write_pattern(part, commit_step, i - 1);
    }
    auto const expect_content = [&](std::size_t except, char const* promise) {
        for (std::size_t i = 0; i < steps; ++i) {
            if (i != except)
                report.expect(has_pattern(offset(p, i * commit_step), commit_step, i), promise, {{"part", i}});
        }
    };
    expect_content(steps, "committing a part leaves the others as they are");
    std::size_t const middle = steps / 2;
    void* const part = offset(p, middle * commit_step);
    report.expect(backend.decommit(part, commit_step), "a part can be decommitted", {{"part", middle}, {"of", steps}});
    expect_content(middle, "decommitting a part leaves the others as they are");
    if (report.expect(backend.commit(part, commit_step), "a part that was decommitted can be committed again")) {
        write_pattern(part, commit_step, middle);
        expect_content(steps, "a part that was committed again can be written");
    }
    if constexpr (has_discard<B>) {
        report.expect(backend.discard(part, commit_step), "the contents of a part can be discarded",
                      {{"part", middle}, {"of", steps}});
        write_pattern(part, commit_step, middle);  // still committed
        expect_content(steps, "discarding a part leaves the others as they are, and itself writable");
    }
    report.expect(backend.release(p, range), "a reservation can be released with parts of it committed",
                  {{"bytes", range.bytes}, {"align", range.align}});
}

template <class B>
void check_ranges(B& backend, conformance_report& report, std::size_t largest) {
    for (std::size_t align = 4096; align <= max_alignment; align *= 2) {
        check_range(backend, report, {.bytes = 4 * commit_step, .align = align});
    }
    for (std::size_t bytes = commit_step; bytes <= largest * 8; bytes *= 8) {
        check_range(backend, report, {.bytes = bytes, .align = commit_step});
    }
    // Reserved and never committed; several at once do not overlap.
    std::vector<block> ranges;
    for (std::size_t i = 1; i <= 16; ++i) {
        layout const range{.bytes = i * commit_step, .align = commit_step};
        if (void* const p = backend.reserve(range)) ranges.push_back({p, range, i});
    }
    report.expect(!overlap(ranges), "reservations that are alive do not overlap", {{"alive", ranges.size()}});
    shuffle(ranges, 5);
    for (block const& r : ranges) {
        report.expect(backend.release(r.p, r.given), "a reservation can be released untouched",
                      {{"bytes", r.given.bytes}});
    }
}

template <class B>
void check_range_refusal(B& backend, conformance_report& report) {
    layout const small{.bytes = commit_step, .align = commit_step};
    void* const p = backend.reserve(small);
    if (p == nullptr || !backend.commit(p, commit_step)) return;  // told by check_ranges
    write_pattern(p, commit_step, 9);
    for (std::size_t const align : {commit_step, max_alignment}) {
        layout const impossible{.bytes = max_request_bytes / commit_step * commit_step, .align = align};
        void* const none = backend.reserve(impossible);
        report.expect(none == nullptr, "more address space than there can be is refused",
                      {{"bytes", impossible.bytes}, {"align", align}});
    }
    report.expect(has_pattern(p, commit_step, 9), "a refused reservation leaves the others as they are");
    static_cast<void>(backend.release(p, small));
}

template <class B>
void check_range_threads(B& backend, conformance_report& report, std::size_t threads) {
    layout const range{.bytes = 4 * commit_step, .align = commit_step};
    std::size_t const failures = failures_of_threads(threads, [&](std::size_t i) {
        std::size_t failed = 0;
        for (std::size_t round = 0; round < 20; ++round) {
            void* const p = backend.reserve(range);
            if (p == nullptr || !backend.commit(p, commit_step)) return failed + 1;
            write_pattern(p, commit_step, i);
            failed += !backend.commit(offset(p, 2 * commit_step), commit_step);
            failed += !backend.decommit(offset(p, 2 * commit_step), commit_step);
            failed += !has_pattern(p, commit_step, i);
            failed += !backend.release(p, range);
        }
        return failed;
    });
    report.expect(failures == 0, "threads do not disturb each other's reservations", {{"failures", failures}});
}

}  // namespace framealloc::testing::kit
