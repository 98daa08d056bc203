// expect: framealloc: a backend policy needs `void deallocate(void*, framealloc::layout) noexcept`
// SPDX-License-Identifier: MIT OR Apache-2.0
#include <framealloc/smart_alloc.hpp>

using namespace framealloc;

struct mine {
    using family = backend_family;
    void* try_allocate(layout) noexcept { return nullptr; }
#ifdef FRAMEALLOC_CORRECT
    void deallocate(void*, layout) noexcept {}
#else
    void deallocate(void*) noexcept {}
#endif
};

int main() {
    basic_smart_alloc<mine> alloc;
    return alloc.id() == 0 ? 0 : 1;
}
