// expect: framealloc: arena::chunked<Initial, Max> wants powers of two, Initial no larger than Max
// SPDX-License-Identifier: MIT OR Apache-2.0
#include <framealloc/arena/chunked.hpp>
#include <framealloc/smart_alloc.hpp>

using namespace framealloc;

int main() {
#ifdef FRAMEALLOC_CORRECT
    basic_smart_alloc<arena::chunked<4096, 65536>> alloc;
#else
    basic_smart_alloc<arena::chunked<65536, 4096>> alloc;
#endif
    return alloc.id() == 0 ? 0 : 1;
}
