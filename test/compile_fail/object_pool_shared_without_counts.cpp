// expect: make_shared
// SPDX-License-Identifier: MIT OR Apache-2.0
#include <framealloc/object_pool/fixed_pool.hpp>

using namespace framealloc;

int main() {
#ifdef FRAMEALLOC_CORRECT
    fixed_pool<int, sharing::local> pool{4};
    static_cast<void>(pool.make_shared(7));
#else
    fixed_pool<int> pool{4};
    static_cast<void>(pool.make_shared(7));
#endif
}
