// expect: framealloc: arena::fixed<Bytes, ChunkAlign> wants an alignment of 16, 32, ... up to 2 MiB
// SPDX-License-Identifier: MIT OR Apache-2.0
#include <framealloc/arena/fixed.hpp>
#include <framealloc/smart_alloc.hpp>

using namespace framealloc;

int main() {
#ifdef FRAMEALLOC_CORRECT
    basic_smart_alloc<arena::fixed<1024, 64>> alloc;
#else
    basic_smart_alloc<arena::fixed<1024, 48>> alloc;
#endif
    return alloc.id() == 0 ? 0 : 1;
}
