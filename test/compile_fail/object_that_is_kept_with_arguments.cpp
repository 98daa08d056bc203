// expect: framealloc: an object that is kept between uses takes no arguments
// SPDX-License-Identifier: MIT OR Apache-2.0
#include <framealloc/object_pool/fixed_pool.hpp>

using namespace framealloc;

int main() {
    fixed_pool<int, initialise::kept<>> pool{4};
#ifdef FRAMEALLOC_CORRECT
    int* const one = pool.allocate();
#else
    int* const one = pool.allocate(3);
#endif
    pool.free(one);
    return 0;
}
