// expect: framealloc: storage::in_place<N> has from 1 to 2^32 - 2 slots
// limits: errors 2, lines 70
// SPDX-License-Identifier: MIT OR Apache-2.0
#include <framealloc/object_pool/static_pool.hpp>

using namespace framealloc;

int main() {
#ifdef FRAMEALLOC_CORRECT
    static_pool<int, 1> pool;
    static_cast<void>(pool.capacity());
#else
    static_pool<int, 0> pool;
    static_cast<void>(pool.capacity());
#endif
}
