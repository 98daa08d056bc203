// expect: framealloc: this type is no policy of an object pool
// SPDX-License-Identifier: MIT OR Apache-2.0
#include <framealloc/object_pool/fixed_pool.hpp>
#include <framealloc/arena/fixed.hpp>

using namespace framealloc;

int main() {
#ifdef FRAMEALLOC_CORRECT
    fixed_pool<int> pool{4};
    static_cast<void>(pool);
#else
    fixed_pool<int, arena::fixed<4096>> pool{4};
    static_cast<void>(pool);
#endif
}
