// expect: framealloc: try_pool_alloc<T>() gives raw storage
// SPDX-License-Identifier: MIT OR Apache-2.0
#include <framealloc/smart_alloc.hpp>

using namespace framealloc;

struct named {
    explicit named(int n) noexcept : number(n) {}
    named(named const& other) noexcept : number(other.number) {}
    ~named() { number = 0; }
    int number;
};

int main() {
    smart_alloc alloc;
    alloc.begin_frame();
#ifdef FRAMEALLOC_CORRECT
    auto* const p = alloc.try_pool_new<named>(7);
    if (p != nullptr) p->number = 7;
    alloc.pool_delete(p);
#else
    auto* const p = alloc.try_pool_alloc<named>();
    if (p != nullptr) p->number = 7;
#endif
    alloc.end_frame();
}
