// expect: framealloc: destructors must not throw
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
    auto* const p = alloc.pool_new<throwing>();
    alloc.pool_delete(p);
#else
    auto* const p = alloc.pool_new<throwing>();
    alloc.pool_delete(p);
#endif
    alloc.end_frame();
}
