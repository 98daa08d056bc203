// expect: framealloc: pool::size_class<.., Max, SlabBytes> wants four blocks to a slab
// SPDX-License-Identifier: MIT OR Apache-2.0
#include <framealloc/pool/size_class.hpp>
#include <framealloc/smart_alloc.hpp>

using namespace framealloc;

int main() {
#ifdef FRAMEALLOC_CORRECT
    basic_smart_alloc<pool::size_class<8, 2048, 8192>> alloc;
#else
    basic_smart_alloc<pool::size_class<8, 4096, 8192>> alloc;
#endif
    return alloc.id() == 0 ? 0 : 1;
}
