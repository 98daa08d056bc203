// expect: no matching 
// SPDX-License-Identifier: MIT OR Apache-2.0
#include <framealloc/allocator.hpp>
#include <framealloc/smart_alloc_debug.hpp>

using namespace framealloc;

int main() {
    smart_alloc_debug debug;
#ifdef FRAMEALLOC_CORRECT
    frame_allocator<int, smart_alloc_debug> a{debug};
#else
    frame_allocator<int, smart_alloc> a{debug};
#endif
    return a == a ? 0 : 1;
}
