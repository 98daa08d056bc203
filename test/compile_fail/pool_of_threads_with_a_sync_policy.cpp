// expect: framealloc: a thread_local_pool has a pool per thread; it takes no sync policy
// SPDX-License-Identifier: MIT OR Apache-2.0
#include <framealloc/object_pool/thread_local_pool.hpp>

using namespace framealloc;

int main() {
#ifdef FRAMEALLOC_CORRECT
    thread_local_pool<int> const pool{4};
#else
    thread_local_pool<int, sync::lock_free> const pool{4};
#endif
    return pool.config().capacity == 4 ? 0 : 1;
}
