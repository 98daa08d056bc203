// expect: framealloc: an ambient allocator has a default instance, which all threads share
// SPDX-License-Identifier: MIT OR Apache-2.0
#include <framealloc/ambient_allocator.hpp>

using namespace framealloc;

int main() {
#ifdef FRAMEALLOC_CORRECT
    ambient_pool_allocator<int, smart_alloc> a;
#else
    ambient_pool_allocator<int, smart_alloc_single_threaded> a;
#endif
    return a == a ? 0 : 1;
}
