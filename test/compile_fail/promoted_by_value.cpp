// expect: framealloc: what is promoted is a pointer to an object in a frame
// SPDX-License-Identifier: MIT OR Apache-2.0
#include <framealloc/promotion/promote.hpp>
#include <framealloc/smart_alloc.hpp>

using namespace framealloc;

int main() {
    smart_alloc alloc;
    auto const frame = alloc.frame_scope();
    int* const number = alloc.frame_new<int>(0);
#ifdef FRAMEALLOC_CORRECT
    auto const kept = promote_to_pool(alloc, number);
#else
    auto const kept = promote_to_pool(alloc, *number);
#endif
    return *kept;
}
