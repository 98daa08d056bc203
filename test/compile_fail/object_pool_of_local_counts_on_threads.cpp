// expect: framealloc: sharing::local counts on one thread; a pool for several wants sharing::atomic
// SPDX-License-Identifier: MIT OR Apache-2.0
#include <framealloc/object_pool/concurrent_pool.hpp>

using namespace framealloc;

int main() {
#ifdef FRAMEALLOC_CORRECT
    concurrent_pool<int, std::mutex, sharing::atomic> pool{4};
    static_cast<void>(pool.capacity());
#else
    concurrent_pool<int, std::mutex, sharing::local> pool{4};
    static_cast<void>(pool.capacity());
#endif
}
