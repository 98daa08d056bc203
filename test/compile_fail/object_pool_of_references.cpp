// expect: framealloc: an object pool is of objects, not arrays or references
// SPDX-License-Identifier: MIT OR Apache-2.0
#include <framealloc/object_pool/fixed_pool.hpp>

using namespace framealloc;

int main() {
#ifdef FRAMEALLOC_CORRECT
    fixed_pool<int> pool{4};
    static_cast<void>(pool.capacity());
#else
    fixed_pool<int&> pool{4};
    static_cast<void>(pool.capacity());
#endif
}
