// expect: framealloc: storage::growing wants slots that grow: slots::free_list or slots::bitmap
// SPDX-License-Identifier: MIT OR Apache-2.0
#include <framealloc/object_pool/growing_pool.hpp>

using namespace framealloc;

int main() {
#ifdef FRAMEALLOC_CORRECT
    growing_pool<int, slots::free_list> pool{4};
    static_cast<void>(pool.capacity());
#else
    growing_pool<int, slots::stack> pool{4};
    static_cast<void>(pool.capacity());
#endif
}
