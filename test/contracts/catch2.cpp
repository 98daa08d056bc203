// SPDX-License-Identifier: MIT OR Apache-2.0

// The contracts as checks of Catch2, against a stand-in with the one macro of it that they use: FAIL_CHECK, which notes a
// failure with its text and goes on.

#include <cstdio>
#include <sstream>
#include <string>
#include <vector>

namespace {
std::vector<std::string> failures;
}
#define FAIL_CHECK(...) failures.push_back((std::ostringstream{} << __VA_ARGS__).str())

#include <framealloc/contracts.hpp>
#include <framealloc/testing/contracts_catch2.hpp>

using namespace framealloc;

int main() {
    basic_smart_alloc<diagnostics::contracts> alloc;
    auto const allocate = [&](std::size_t bytes) { alloc.pool_free(alloc.pool_alloc(layout{.bytes = bytes})); };
    int wrong = 0;
    auto const expect = [&](std::size_t count, char const* text) {
        if (failures.size() == count && (count == 0 || failures.back().find(text) != std::string::npos)) return;
        std::printf("expected failure %zu to say \"%s\"; there are %zu, the last is \"%s\"\n", count, text,
                    failures.size(), failures.empty() ? "" : failures.back().c_str());
        ++wrong;
    };
    FRAMEALLOC_CATCH_NO_ALLOCATION(static_cast<void>(alloc.stats()));
    FRAMEALLOC_CATCH_ALLOCATIONS((.count = 1), allocate(24));
    expect(0, "");
    FRAMEALLOC_CATCH_NO_ALLOCATION(allocate(24));
    expect(1, "1 allocations of 24 bytes; allowed are 0 allocations");
    FRAMEALLOC_CATCH_ALLOCATIONS((.count = 1), allocate(24); allocate(24));
    expect(2, "2 allocations of 48 bytes; allowed are 1 allocations");
    FRAMEALLOC_CATCH_BASELINE("no such file", "work", allocate(1));
    expect(3, "cannot be read");
    return wrong;
}
