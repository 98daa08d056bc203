// expect: framealloc: a backend policy needs `void* try_allocate(framealloc::layout) noexcept`
// SPDX-License-Identifier: MIT OR Apache-2.0
#include <framealloc/smart_alloc.hpp>

using namespace framealloc;

struct mine {
    using family = backend_family;
    void deallocate(void*, layout) noexcept {}
#ifdef FRAMEALLOC_CORRECT
    void* try_allocate(layout) noexcept { return nullptr; }
#else
    void* try_allocate(layout) { return nullptr; }
#endif
};

int main() {
    basic_smart_alloc<mine> alloc;
    return alloc.id() == 0 ? 0 : 1;
}
