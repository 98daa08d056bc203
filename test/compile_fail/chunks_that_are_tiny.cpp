// expect: framealloc: arena::chunked<Initial, Max> wants chunks of at least 1 KiB
// SPDX-License-Identifier: MIT OR Apache-2.0
#include <framealloc/arena/chunked.hpp>
#include <framealloc/smart_alloc.hpp>

using namespace framealloc;

int main() {
#ifdef FRAMEALLOC_CORRECT
    basic_smart_alloc<arena::chunked<1024, 4096>> alloc;
#else
    basic_smart_alloc<arena::chunked<512, 4096>> alloc;
#endif
    return alloc.id() == 0 ? 0 : 1;
}
