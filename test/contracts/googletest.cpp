// SPDX-License-Identifier: MIT OR Apache-2.0

// The contracts as checks of GoogleTest: kept ones pass, broken ones fail the test with the counts.

#include <gtest/gtest-spi.h>
#include <gtest/gtest.h>

#include <framealloc/contracts.hpp>
#include <framealloc/testing/contracts_googletest.hpp>

using namespace framealloc;
using contracted = basic_smart_alloc<diagnostics::contracts>;

namespace {

contracted alloc;

void allocate(std::size_t bytes) { alloc.pool_free(alloc.pool_alloc(layout{.bytes = bytes})); }

TEST(contracts, that_are_kept_pass) {
    FRAMEALLOC_EXPECT_NO_ALLOCATION(static_cast<void>(alloc.stats()));
    FRAMEALLOC_EXPECT_ALLOCATIONS((.count = 1, .bytes = 24), allocate(24));
}
TEST(contracts, that_are_broken_fail_with_the_counts) {
    EXPECT_NONFATAL_FAILURE(FRAMEALLOC_EXPECT_NO_ALLOCATION(allocate(24)),
                            "1 allocations of 24 bytes; allowed are 0 allocations of any number of bytes");
    EXPECT_NONFATAL_FAILURE(FRAMEALLOC_EXPECT_ALLOCATIONS((.bytes = 24), allocate(24); allocate(1)),
                            "2 allocations of 25 bytes; allowed are any number of allocations of 24 bytes");
    EXPECT_NONFATAL_FAILURE(FRAMEALLOC_EXPECT_BASELINE("no such file", "work", allocate(1)), "cannot be read");
}

}  // namespace

int main(int count, char** arguments) {
    ::testing::InitGoogleTest(&count, arguments);
    return RUN_ALL_TESTS();
}
