// expect: framealloc: a budget that charges tags wants the header framealloc/tag_budgets.hpp
// SPDX-License-Identifier: MIT OR Apache-2.0
#ifdef FRAMEALLOC_CORRECT
#include <framealloc/tag_budgets.hpp>
#endif
#include <framealloc/budget/per_tag.hpp>
#include <framealloc/smart_alloc.hpp>

using namespace framealloc;

int main() {
    basic_smart_alloc<budget::per_tag> alloc;
    return alloc.id() == 0 ? 0 : 1;
}
