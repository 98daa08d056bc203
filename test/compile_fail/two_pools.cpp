// expect: framealloc: two pool policies in one assembly; keep one
// SPDX-License-Identifier: MIT OR Apache-2.0
#include <framealloc/smart_alloc.hpp>

using namespace framealloc;

int main() {
#ifdef FRAMEALLOC_CORRECT
    basic_smart_alloc<pool::size_class<8, 1024>> alloc;
#else
    basic_smart_alloc<pool::none, pool::size_class<8, 1024>> alloc;
#endif
    return alloc.id() == 0 ? 0 : 1;
}
