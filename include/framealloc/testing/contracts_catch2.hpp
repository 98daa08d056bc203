// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

// Allocation contracts as checks of Catch2. Include Catch2 first: this header includes nothing of it.
//
//     FRAMEALLOC_CATCH_NO_ALLOCATION(mixer.fill(buffer))
//     FRAMEALLOC_CATCH_ALLOCATIONS((.count = 2, .bytes = 1024), world.step())
//     FRAMEALLOC_CATCH_BASELINE("tests/allocations.txt", "world.step", world.step())
//
// A contract that is broken fails the test, with the counts and the first place; the test goes on, as it does after
// CHECK. What the statements throw passes. See `allocation_budget` for what is counted, and `allocation_baseline` for the
// file.

#include <framealloc/testing/detail/contract_trial.hpp>

#define FRAMEALLOC_DETAIL_CATCH_FAIL(text) FAIL_CHECK(text)

#define FRAMEALLOC_CATCH_NO_ALLOCATION(...) \
    FRAMEALLOC_DETAIL_UNDER_CONTRACT(FRAMEALLOC_DETAIL_CATCH_FAIL, (.count = 0), __VA_ARGS__)
#define FRAMEALLOC_CATCH_ALLOCATIONS(terms, ...) \
    FRAMEALLOC_DETAIL_UNDER_CONTRACT(FRAMEALLOC_DETAIL_CATCH_FAIL, terms, __VA_ARGS__)
#define FRAMEALLOC_CATCH_BASELINE(file, name, ...) \
    FRAMEALLOC_DETAIL_AGAINST_BASELINE(FRAMEALLOC_DETAIL_CATCH_FAIL, file, name, __VA_ARGS__)
