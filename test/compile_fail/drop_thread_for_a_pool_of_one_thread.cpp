// expect: framealloc: a pool for one thread cannot be served by another
// SPDX-License-Identifier: MIT OR Apache-2.0
#include <framealloc/object_pool/concurrent_pool.hpp>
#include <framealloc/object_pool/drop_thread.hpp>
#include <framealloc/object_pool/fixed_pool.hpp>

using namespace framealloc;

int main() {
#ifdef FRAMEALLOC_CORRECT
    concurrent_pool<int, std::mutex, drop::deferred> pool{4};
#else
    fixed_pool<int, drop::deferred> pool{4};
#endif
    drop_thread const janitor{pool};
    return 0;
}
