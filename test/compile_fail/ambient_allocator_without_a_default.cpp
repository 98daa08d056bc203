// expect: framealloc: an ambient allocator has a default instance, and a policy of this assembly cannot be made without
// SPDX-License-Identifier: MIT OR Apache-2.0
#include <framealloc/ambient_allocator.hpp>
#include <framealloc/budget/global.hpp>

using namespace framealloc;

struct leased_backend : backend::system {
    explicit leased_backend(int) {}
};

int main() {
#ifdef FRAMEALLOC_CORRECT
    using alloc = basic_smart_alloc<budget::global>;
#else
    using alloc = basic_smart_alloc<leased_backend>;
#endif
    ambient_heap_allocator<int, alloc> a;
    return a == a ? 0 : 1;
}
