// SPDX-License-Identifier: MIT OR Apache-2.0
// expect: framealloc: a budget that charges tags wants #include <framealloc/tag_budgets.hpp>
#include <framealloc/budget/per_tag.hpp>
#include <framealloc/smart_alloc.hpp>

int main() {
    framealloc::basic_smart_alloc<framealloc::budget::per_tag> alloc;
    static_cast<void>(alloc.pool_alloc<int>());
}
