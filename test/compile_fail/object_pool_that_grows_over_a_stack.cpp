// expect: framealloc: storage::growing wants slots that grow: slots::free_list or slots::bitmap
// SPDX-License-Identifier: MIT OR Apache-2.0
#include <framealloc/object_pool/growing_pool.hpp>

using namespace framealloc;

int main() {
#ifdef FRAMEALLOC_CORRECT
    growing_pool<int, slots::free_list> const pool{4};
#else
    growing_pool<int, slots::stack> const pool{4};
#endif
    static_cast<void>(pool);
}
