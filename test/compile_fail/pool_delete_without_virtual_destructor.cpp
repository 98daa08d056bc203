// expect: framealloc: pool_delete(p) of a polymorphic type needs a virtual destructor
// limits: errors 2, lines 40
// SPDX-License-Identifier: MIT OR Apache-2.0
#include <framealloc/smart_alloc.hpp>

using namespace framealloc;

struct shape {
    virtual int corners() const { return 0; }
#ifdef FRAMEALLOC_CORRECT
    virtual ~shape() = default;
#else
    ~shape() = default;
#endif
};
struct square : shape {
    int corners() const override { return 4; }
};

int main() {
    smart_alloc alloc;
    alloc.begin_frame();
#ifdef FRAMEALLOC_CORRECT
    shape* const s = alloc.pool_new<square>();
    alloc.pool_delete(s);
#else
    shape* const s = alloc.pool_new<square>();
    alloc.pool_delete(s);
#endif
    alloc.end_frame();
}
