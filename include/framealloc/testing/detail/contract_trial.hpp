// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

// What the helpers for each test framework share.

#include <framealloc/allocation_baseline.hpp>
#include <framealloc/allocation_budget.hpp>

#include <string>

namespace framealloc::inline v0_1::testing::kit {

/// What a contract has seen that it does not allow; empty where it kept.
[[nodiscard]] inline std::string broken_contract(allocation_budget const& contract) {
    if (contract.breaches() == 0) return {};
    char where[256];
    where[0] = '\0';
    if (contract.first_breach_at() != nullptr) {
        static_cast<void>(framealloc::detail::write_code(contract.first_breach_at(), where, sizeof where));
    }
    auto const most = [](unsigned long long n) {
        return n == allocation_budget::unlimited ? std::string{"any number of"} : std::to_string(n);
    };
    return std::to_string(contract.requested_count()) + " allocations of " +
           std::to_string(contract.requested_bytes()) + " bytes; allowed are " + most(contract.count) +
           " allocations of " + most(contract.bytes) + " bytes. The first beyond that: " + where;
}

}  // namespace framealloc::testing::kit

// The terms of a contract come in parentheses, as a program would write them: (.count = 2, .bytes = 64).
#define FRAMEALLOC_DETAIL_TERMS(...) __VA_ARGS__

/// Runs the statements under a contract and calls `FAIL(text)` where it was broken.
#define FRAMEALLOC_DETAIL_UNDER_CONTRACT(FAIL, terms, ...)                                            \
    do {                                                                                              \
        ::std::string framealloc_broken;                                                              \
        {                                                                                             \
            ::framealloc::allocation_budget const framealloc_contract{FRAMEALLOC_DETAIL_TERMS terms,  \
                                                                      .reports = false};              \
            __VA_ARGS__;                                                                              \
            /* The text is made when nothing counts any more. */                                      \
            if (framealloc_contract.breaches() != 0) {                                                \
                framealloc_broken = ::framealloc::testing::kit::broken_contract(framealloc_contract); \
            }                                                                                         \
        }                                                                                             \
        if (!framealloc_broken.empty()) FAIL(framealloc_broken);                                      \
    } while (false)

/// The same against a line of a baseline's file.
#define FRAMEALLOC_DETAIL_AGAINST_BASELINE(FAIL, file, name, ...)                           \
    do {                                                                                    \
        ::std::string const framealloc_broken =                                             \
            ::framealloc::allocation_baseline::check((file), (name), [&] { __VA_ARGS__; }); \
        if (!framealloc_broken.empty()) FAIL(framealloc_broken);                            \
    } while (false)
