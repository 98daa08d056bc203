// expect: framealloc: slots::index_stack<Stacks> wants a power of two from 1 to 64
// limits: errors 2, lines 70
// SPDX-License-Identifier: MIT OR Apache-2.0
#include <framealloc/object_pool/lock_free_pool.hpp>

using namespace framealloc;

int main() {
#ifdef FRAMEALLOC_CORRECT
    lock_free_pool<int, slots::index_stack<4>> pool{4};
    static_cast<void>(pool.capacity());
#else
    lock_free_pool<int, slots::index_stack<3>> pool{4};
    static_cast<void>(pool.capacity());
#endif
}
