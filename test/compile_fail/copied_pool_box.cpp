// expect: deleted
// SPDX-License-Identifier: MIT OR Apache-2.0
#include <framealloc/smart_alloc.hpp>

using namespace framealloc;

int main() {
    smart_alloc alloc;
    alloc.begin_frame();
#ifdef FRAMEALLOC_CORRECT
    auto box = alloc.pool_box<int>(7);
    auto const other = static_cast<decltype(box)&&>(box);
    *other = 8;
#else
    auto const box = alloc.pool_box<int>(7);
    auto const other = box;
    *other = 8;
#endif
    alloc.end_frame();
}
