// expect: framealloc: budgets() is for a budget that charges tags
// SPDX-License-Identifier: MIT OR Apache-2.0
#include <framealloc/budget/global.hpp>
#include <framealloc/tag_budgets.hpp>

using namespace framealloc;

#ifdef FRAMEALLOC_CORRECT
using mine = basic_smart_alloc<budget::per_tag>;
#else
using mine = basic_smart_alloc<budget::global>;
#endif

int main() {
    mine alloc;
    auto const budgets = alloc.budgets();
    return sizeof budgets == sizeof(void*) ? 0 : 1;
}
