// expect: framealloc: destructors must not throw
// SPDX-License-Identifier: MIT OR Apache-2.0
#include <framealloc/object_pool/fixed_pool.hpp>

using namespace framealloc;

struct throwing {
#ifdef FRAMEALLOC_CORRECT
    ~throwing() {}
#else
    ~throwing() noexcept(false) {}
#endif
};

int main() {
#ifdef FRAMEALLOC_CORRECT
    fixed_pool<throwing> pool{4};
    static_cast<void>(pool.capacity());
#else
    fixed_pool<throwing> pool{4};
    static_cast<void>(pool.capacity());
#endif
}
