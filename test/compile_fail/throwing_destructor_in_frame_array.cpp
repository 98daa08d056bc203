// expect: where a destructor must not throw
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
    static_cast<void>(alloc.frame_array<throwing>(3));
#else
    static_cast<void>(alloc.frame_array<throwing>(3));
#endif
    alloc.end_frame();
}
