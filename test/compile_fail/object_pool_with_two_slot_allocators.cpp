// expect: framealloc: two slot allocators in one object pool; keep one
// SPDX-License-Identifier: MIT OR Apache-2.0
#include <framealloc/object_pool/fixed_pool.hpp>
#include <framealloc/object_pool/slots/bitmap.hpp>

using namespace framealloc;

int main() {
#ifdef FRAMEALLOC_CORRECT
    fixed_pool<int, slots::bitmap> pool{4};
    static_cast<void>(pool);
#else
    fixed_pool<int, slots::bitmap, slots::free_list> pool{4};
    static_cast<void>(pool);
#endif
}
