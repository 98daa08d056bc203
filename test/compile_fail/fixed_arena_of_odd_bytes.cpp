// expect: framealloc: arena::fixed<Bytes> counts bytes, in sixteens
// SPDX-License-Identifier: MIT OR Apache-2.0
#include <framealloc/arena/fixed.hpp>
#include <framealloc/smart_alloc.hpp>

using namespace framealloc;

int main() {
#ifdef FRAMEALLOC_CORRECT
    basic_smart_alloc<arena::fixed<1008>> alloc;
#else
    basic_smart_alloc<arena::fixed<1000>> alloc;
#endif
    return alloc.id() == 0 ? 0 : 1;
}
