// expect: framealloc: which objects are alive is known to slots::bitmap; give the pool that policy
// SPDX-License-Identifier: MIT OR Apache-2.0
#include <framealloc/object_pool/fixed_pool.hpp>
#include <framealloc/object_pool/slots/bitmap.hpp>

using namespace framealloc;

int main() {
#ifdef FRAMEALLOC_CORRECT
    fixed_pool<int, slots::bitmap> pool{4};
    pool.for_each([](int&) {});
#else
    fixed_pool<int> pool{4};
    pool.for_each([](int&) {});
#endif
}
