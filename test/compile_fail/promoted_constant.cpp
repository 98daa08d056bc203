// expect: framealloc: a constant object cannot be moved from
// SPDX-License-Identifier: MIT OR Apache-2.0
#include <framealloc/promotion/promote.hpp>
#include <framealloc/smart_alloc.hpp>

using namespace framealloc;

int main() {
    smart_alloc alloc;
    auto const frame = alloc.frame_scope();
#ifdef FRAMEALLOC_CORRECT
    int* const number = alloc.frame_new<int>(0);
#else
    int const* const number = alloc.frame_new<int>(0);
#endif
    auto const kept = promote_to_pool(alloc, number);
    return *kept;
}
