// expect: frame_box<int>
// SPDX-License-Identifier: MIT OR Apache-2.0
#include <framealloc/smart_alloc.hpp>

using namespace framealloc;

int main() {
    smart_alloc alloc;
    alloc.begin_frame();
#ifdef FRAMEALLOC_CORRECT
    pool_ptr<int, smart_alloc::assembly_type> kept = alloc.pool_box<int>(7);
    *kept = 8;
#else
    pool_ptr<int, smart_alloc::assembly_type> kept = alloc.frame_box<int>(7);
    *kept = 8;
#endif
    alloc.end_frame();
}
