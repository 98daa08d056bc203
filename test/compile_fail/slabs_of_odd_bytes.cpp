// expect: framealloc: pool::size_class<.., SlabBytes> wants a power of two from 4 KiB to 1 MiB
// SPDX-License-Identifier: MIT OR Apache-2.0
#include <framealloc/pool/size_class.hpp>
#include <framealloc/smart_alloc.hpp>

using namespace framealloc;

int main() {
#ifdef FRAMEALLOC_CORRECT
    basic_smart_alloc<pool::size_class<8, 512, 65536>> alloc;
#else
    basic_smart_alloc<pool::size_class<8, 512, 50000>> alloc;
#endif
    return alloc.id() == 0 ? 0 : 1;
}
