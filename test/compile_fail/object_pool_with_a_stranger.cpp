// expect: framealloc: this type is no policy of an object pool
// SPDX-License-Identifier: MIT OR Apache-2.0
#include <framealloc/object_pool/fixed_pool.hpp>

using namespace framealloc;

int main() {
#ifdef FRAMEALLOC_CORRECT
    fixed_pool<int, slots::stack> const pool{4};
#else
    fixed_pool<int, long> const pool{4};
#endif
    static_cast<void>(pool);
}
