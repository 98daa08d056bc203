// expect: framealloc: an object that is kept between uses takes no arguments; it is there already
// SPDX-License-Identifier: MIT OR Apache-2.0
#include <framealloc/object_pool/fixed_pool.hpp>

using namespace framealloc;

int main() {
#ifdef FRAMEALLOC_CORRECT
    fixed_pool<int, initialise::kept<>> pool{4};
    static_cast<void>(pool.allocate());
#else
    fixed_pool<int, initialise::kept<>> pool{4};
    static_cast<void>(pool.allocate(7));
#endif
}
