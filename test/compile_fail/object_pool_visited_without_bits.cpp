// expect: framealloc: which objects are alive is known to slots::bitmap
// SPDX-License-Identifier: MIT OR Apache-2.0
#include <framealloc/object_pool/fixed_pool.hpp>
#include <framealloc/object_pool/slots/bitmap.hpp>

using namespace framealloc;

int main() {
#ifdef FRAMEALLOC_CORRECT
    fixed_pool<int, slots::bitmap> pool{4};
#else
    fixed_pool<int> pool{4};
#endif
    pool.for_each([](int& n) { n = 0; });
    return 0;
}
