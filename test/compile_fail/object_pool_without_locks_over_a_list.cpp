// expect: framealloc: sync::lock_free wants a lock-free slot allocator, slots::index_stack
// SPDX-License-Identifier: MIT OR Apache-2.0
#include <framealloc/object_pool/lock_free_pool.hpp>

using namespace framealloc;

int main() {
#ifdef FRAMEALLOC_CORRECT
    lock_free_pool<int> const pool{4};
#else
    lock_free_pool<int, slots::free_list> const pool{4};
#endif
    static_cast<void>(pool);
}
