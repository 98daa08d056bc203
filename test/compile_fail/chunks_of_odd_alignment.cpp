// expect: framealloc: arena::chunked<.., ChunkAlign> wants an alignment of 16, 32, ... up to 2 MiB
// SPDX-License-Identifier: MIT OR Apache-2.0
#include <framealloc/arena/chunked.hpp>
#include <framealloc/smart_alloc.hpp>

using namespace framealloc;

int main() {
#ifdef FRAMEALLOC_CORRECT
    basic_smart_alloc<arena::chunked<1024, 4096, 16>> alloc;
#else
    basic_smart_alloc<arena::chunked<1024, 4096, 8>> alloc;
#endif
    return alloc.id() == 0 ? 0 : 1;
}
