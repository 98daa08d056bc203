// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

// The conformance kit for backends:
//
//     #include <framealloc/testing/backend.hpp>
//     my_backend backend{state};
//     auto const report = framealloc::testing::check_backend(backend);
//     BOOST_TEST(report.passed(), report.text());

#include <framealloc/policy.hpp>
#include <framealloc/testing/conformance_report.hpp>
#include <framealloc/testing/detail/blocks.hpp>
#include <framealloc/testing/detail/remembering.hpp>
#include <framealloc/testing/detail/threads.hpp>
#include <framealloc/testing/detail/virtual_memory.hpp>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define FRAMEALLOC_TESTING_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define FRAMEALLOC_TESTING_SANITIZED 1
#endif
#endif
#ifndef FRAMEALLOC_TESTING_SANITIZED
#define FRAMEALLOC_TESTING_SANITIZED 0
#endif

namespace framealloc::inline v0_1::testing {

/// How hard a backend is tried: less for one that is small or slow.
struct backend_trial {
    std::size_t largest_bytes = std::size_t{2} << 20;  ///< of a single block, and of a reservation's eighth
    std::size_t blocks = 200;                          ///< alive at once
    std::size_t threads = 4;                           ///< for backends that say they are thread-safe
    /// Asks for more than can exist. The allocators of sanitizers end the program at that, unless they run with
    /// allocator_may_return_null=1.
    bool asks_for_the_impossible = FRAMEALLOC_TESTING_SANITIZED == 0;
};

namespace kit {

/// Blocks of one backend, with the promises that hold for each of them.
template <class B>
class backend_user {
public:
    backend_user(B& backend, conformance_report& report) : backend_(backend), report_(report) {}

    /// False when the backend refuses.
    bool take(layout request) {
        void* const p = backend_.try_allocate(request);
        if (p == nullptr) return false;
        report_.expect(
            is_aligned(p, request.align), "a block is aligned as it was asked for",
            {{"bytes", request.bytes}, {"align", request.align}, {"address", framealloc::detail::address_of(p)}});
        if constexpr (has_bounded_range<B>) {
            std::uintptr_t const first = framealloc::detail::address_of(backend_.base());
            std::uintptr_t const at = framealloc::detail::address_of(p);
            report_.expect(
                at >= first && request.bytes <= B::capacity_bytes && at - first <= B::capacity_bytes - request.bytes,
                "a block lies between base() and base() + capacity_bytes",
                {{"bytes", request.bytes}, {"address", at}, {"base", first}});
        }
        blocks_.push_back({p, request, ++seed_});
        // Before anything is written: blocks that overlap would spoil each other.
        if (report_.expect(!overlap(blocks_), "blocks that are alive do not overlap",
                           {{"bytes", request.bytes}, {"alive", blocks_.size()}})) {
            write_pattern(p, request.bytes, seed_);
        } else {
            blocks_.pop_back();
            return false;
        }
        return true;
    }
    void give_back_last() {
        block const b = blocks_.back();
        blocks_.pop_back();
        report_.expect(b.intact(), "a block keeps its content until it is given back",
                       {{"bytes", b.given.bytes}, {"align", b.given.align}});
        backend_.deallocate(b.p, b.given);
    }
    void give_all_back() {
        while (!blocks_.empty()) give_back_last();
    }
    void turn_around() { std::reverse(blocks_.begin(), blocks_.end()); }
    void shuffle(std::uint64_t seed) { kit::shuffle(blocks_, seed); }
    void expect_intact(char const* promise) {
        for (block const& b : blocks_) report_.expect(b.intact(), promise, {{"bytes", b.given.bytes}});
    }
    [[nodiscard]] std::size_t count() const { return blocks_.size(); }

private:
    B& backend_;
    conformance_report& report_;
    std::vector<block> blocks_;
    std::size_t seed_ = 0;
};

template <class B>
void check_single_blocks(B& backend, conformance_report& report, backend_trial const& trial) {
    backend_user<B> user{backend, report};
    std::size_t served = 0;
    for (std::size_t align = 1; align <= max_alignment; align *= 2) {
        for (std::size_t const bytes : sizes_up_to(trial.largest_bytes)) {
            layout const request{.bytes = bytes, .align = align};
            if (!user.take(request)) continue;
            ++served;
            user.give_back_last();
            bool const again = user.take(request);
            report.expect(again, "what was given back can be had again", {{"bytes", bytes}, {"align", align}});
            if (again) user.give_back_last();
        }
    }
    report.expect(served != 0, "a backend serves at least one block");
}

template <class B>
void check_many_blocks(B& backend, conformance_report& report, backend_trial const& trial) {
    backend_user<B> user{backend, report};
    std::size_t first_time = 0;
    for (int order = 0; order < 5; ++order) {
        random_numbers random{42};  // the same blocks each time
        for (std::size_t i = 0; i < trial.blocks; ++i) {
            std::size_t const align = std::size_t{1} << random.below(9);
            std::size_t const most = random.below(10) == 0 ? 65536 : 512;
            static_cast<void>(user.take({.bytes = 1 + random.below(most), .align = align}));
        }
        if (order == 0) first_time = user.count();
        report.expect(user.count() >= first_time, "giving blocks back, in any order, loses none of the memory",
                      {{"order", static_cast<unsigned long long>(order)},
                       {"served at first", first_time},
                       {"served now", user.count()}});
        if (order == 1) user.turn_around();
        if (order > 1) user.shuffle(static_cast<std::uint64_t>(order));
        user.give_all_back();
    }
}

/// No backend has `request`.
template <class B>
void check_refusal(B& backend, conformance_report& report, layout request) {
    backend_user<B> user{backend, report};
    for (std::size_t i = 0; i < 8; ++i) static_cast<void>(user.take({.bytes = 48 + i, .align = 16}));
    std::size_t const before = user.count();
    for (int i = 0; i < 3; ++i) {
        void* const p = backend.try_allocate(request);
        if (!report.expect(p == nullptr, "a request for more than there can be is answered with null",
                           {{"bytes", request.bytes}, {"align", request.align}})) {
            backend.deallocate(p, request);
        }
    }
    user.expect_intact("a refusal leaves all blocks as they are");
    bool const goes_on = before == 0 || (user.give_back_last(), user.take({.bytes = 48, .align = 16}));
    report.expect(goes_on, "after a refusal the backend goes on as before", {{"bytes", request.bytes}});
    user.give_all_back();
}

/// A buffer is used up, to the end, and is whole again afterwards.
template <class B>
void check_exhaustion(B& backend, conformance_report& report) {
    auto const largest = [&backend] {
        std::size_t good = 0;
        for (std::size_t step = std::size_t{1} << framealloc::detail::log2_floor(B::capacity_bytes); step >= granule;
             step /= 2) {
            layout const request{.bytes = good + step, .align = granule};
            if (void* const p = backend.try_allocate(request)) {
                backend.deallocate(p, request);
                good += step;
            }
        }
        return good;
    };
    std::size_t const whole = largest();
    report.expect(whole != 0 && whole <= B::capacity_bytes,
                  "a bounded backend has a block, and none above its capacity",
                  {{"largest", whole}, {"capacity", B::capacity_bytes}});
    std::size_t const unit =
        std::max<std::size_t>(granule, framealloc::detail::round_up(B::capacity_bytes / 512, granule));
    for (std::uint64_t order = 0; order < 4; ++order) {
        backend_user<B> user{backend, report};
        while (user.count() <= B::capacity_bytes / unit && user.take({.bytes = unit, .align = granule})) {}
        report.expect(user.count() <= B::capacity_bytes / unit, "a bounded backend ends at its capacity",
                      {{"blocks", user.count()}, {"of bytes", unit}});
        report.expect(user.count() * unit + unit > whole, "blocks of one size use all that one block could have",
                      {{"blocks", user.count()}, {"of bytes", unit}, {"largest", whole}});
        report.expect(!user.take({.bytes = unit, .align = granule}), "a backend that is full stays full",
                      {{"bytes", unit}});
        user.expect_intact("exhaustion leaves all blocks as they are");
        if (order == 1) user.turn_around();
        if (order > 1) user.shuffle(order);
        user.give_all_back();
        report.expect(largest() == whole, "neighbours that came back are one range again",
                      {{"largest now", largest()}, {"largest before", whole}, {"order", order}});
    }
}

/// Thread i takes, thread i + 1 gives back.
template <class B>
void check_block_threads(B& backend, conformance_report& report, backend_trial const& trial) {
    std::vector<std::vector<block>> hands(trial.threads);
    std::size_t const spoiled = failures_of_threads(trial.threads, [&](std::size_t i) {
        random_numbers random{i};
        std::size_t failures = 0;
        for (std::size_t round = 0; round < 300; ++round) {
            layout const request{.bytes = 1 + random.below(2000), .align = std::size_t{1} << random.below(7)};
            if (void* const p = backend.try_allocate(request)) {
                failures += !is_aligned(p, request.align);
                hands[i].push_back({p, request, i * 1000 + round});
                write_pattern(p, request.bytes, i * 1000 + round);
            }
            if (random.below(3) == 0 && !hands[i].empty()) {
                block const b = hands[i].back();
                hands[i].pop_back();
                failures += !b.intact();
                backend.deallocate(b.p, b.given);
            }
        }
        return failures;
    });
    std::vector<block> all;
    for (auto const& hand : hands) all.insert(all.end(), hand.begin(), hand.end());
    report.expect(!overlap(all), "threads get blocks that do not overlap", {{"blocks", all.size()}});
    std::size_t const lost = failures_of_threads(trial.threads, [&](std::size_t i) {
        std::size_t failures = 0;
        for (block const& b : hands[(i + 1) % trial.threads]) {
            failures += !b.intact();
            backend.deallocate(b.p, b.given);
        }
        return failures;
    });
    report.expect(spoiled + lost == 0, "threads do not disturb each other's blocks", {{"blocks", spoiled + lost}});
}

template <class B>
[[nodiscard]] conformance_report check_plain_backend(B& backend, backend_trial const& trial) {
    conformance_report report{"backend"};
    check_single_blocks(backend, report, trial);
    check_many_blocks(backend, report, trial);
    if (trial.asks_for_the_impossible) {
        check_refusal(backend, report, {.bytes = max_request_bytes, .align = granule});
        check_refusal(backend, report, {.bytes = max_request_bytes, .align = max_alignment});
    }
    if constexpr (has_bounded_range<B>) {
        check_refusal(backend, report, {.bytes = B::capacity_bytes + granule, .align = granule});
        check_exhaustion(backend, report);
    }
    if constexpr (has_virtual_memory<B>) {
        check_ranges(backend, report, trial.largest_bytes);
        check_range_refusal(backend, report);
    }
    if constexpr (backend_is_thread_safe<B>) {
        check_block_threads(backend, report, trial);
        if constexpr (has_virtual_memory<B>) check_range_threads(backend, report, trial.threads);
    }
    return report;
}

}  // namespace kit

/// Holds `backend` to everything that a backend promises; what it offers beyond blocks is checked where it is offered.
/// All memory has gone back afterwards.
template <class B>
[[nodiscard]] conformance_report check_backend(B& backend, backend_trial const& trial = {}) {
    static_assert(BackendPolicy<B>,
                  "framealloc: not a backend policy; see framealloc::require_backend for what is missing");
    if constexpr (kit::deals_in_givers<B>) {
        kit::remembering<B> seen{backend};
        return check_backend(seen, trial);
    } else {
        return kit::check_plain_backend(backend, trial);
    }
}

}  // namespace framealloc::testing
