// expect: framealloc: sharing::local counts on one thread
// SPDX-License-Identifier: MIT OR Apache-2.0
#include <framealloc/object_pool/concurrent_pool.hpp>

using namespace framealloc;

int main() {
#ifdef FRAMEALLOC_CORRECT
    concurrent_pool<int, std::mutex, sharing::atomic> const pool{4};
#else
    concurrent_pool<int, std::mutex, sharing::local> const pool{4};
#endif
    static_cast<void>(pool);
}
