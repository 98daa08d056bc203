// expect: framealloc: sync::lock_free wants a lock-free slot allocator, slots::index_stack
// SPDX-License-Identifier: MIT OR Apache-2.0
#include <framealloc/object_pool/lock_free_pool.hpp>

using namespace framealloc;

int main() {
#ifdef FRAMEALLOC_CORRECT
    lock_free_pool<int, slots::index_stack<4>> pool{4};
    static_cast<void>(pool.capacity());
#else
    lock_free_pool<int, slots::stack> pool{4};
    static_cast<void>(pool.capacity());
#endif
}
