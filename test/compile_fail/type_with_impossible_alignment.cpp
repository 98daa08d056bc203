// expect: framealloc: no allocator can honour the size or the alignment of this type
// SPDX-License-Identifier: MIT OR Apache-2.0
#include <framealloc/smart_alloc.hpp>

using namespace framealloc;

#ifdef FRAMEALLOC_CORRECT
struct alignas(2097152) wide {
#else
struct alignas(4194304) wide {
#endif
    int number;
};

int main() {
    smart_alloc alloc;
    alloc.begin_frame();
#ifdef FRAMEALLOC_CORRECT
    static_cast<void>(alloc.try_frame_alloc<wide>());
#else
    static_cast<void>(alloc.try_frame_alloc<wide>());
#endif
    alloc.end_frame();
}
