// expect: address of stack memory
// SPDX-License-Identifier: MIT OR Apache-2.0
#include <framealloc/object_pool/fixed_pool.hpp>

using namespace framealloc;

static fixed_pool<int>::owned_type make() {
#ifdef FRAMEALLOC_CORRECT
    static fixed_pool<int> pool{4};
#else
    fixed_pool<int> pool{4};
#endif
    return pool.make(7);
}

int main() {
    auto const owner = make();
    return *owner - 7;
}
