// expect: framealloc: objects of an abstract class cannot be made
// SPDX-License-Identifier: MIT OR Apache-2.0
#include <framealloc/object_pool/fixed_pool.hpp>

using namespace framealloc;

struct shape {
    shape() = default;
    virtual ~shape() = default;
#ifdef FRAMEALLOC_CORRECT
    virtual int sides() const { return 4; }
#else
    virtual int sides() const = 0;
#endif
};

int main() {
#ifdef FRAMEALLOC_CORRECT
    fixed_pool<shape> pool{4};
    static_cast<void>(pool.capacity());
#else
    fixed_pool<shape> pool{4};
    static_cast<void>(pool.capacity());
#endif
}
