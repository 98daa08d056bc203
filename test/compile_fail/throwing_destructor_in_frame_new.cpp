// expect: framealloc: objects in a frame are destroyed at its end, where a destructor must not throw
// limits: errors 2, lines 60
// SPDX-License-Identifier: MIT OR Apache-2.0
#include <framealloc/smart_alloc.hpp>

using namespace framealloc;

struct throwing {
#ifdef FRAMEALLOC_CORRECT
    ~throwing() {}
#else
    ~throwing() noexcept(false) {}
#endif
};

int main() {
    smart_alloc alloc;
    alloc.begin_frame();
#ifdef FRAMEALLOC_CORRECT
    static_cast<void>(alloc.frame_new<throwing>());
#else
    static_cast<void>(alloc.frame_new<throwing>());
#endif
    alloc.end_frame();
}
