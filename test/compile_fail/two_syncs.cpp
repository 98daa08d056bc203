// expect: framealloc: two sync policies in one assembly; keep one
// SPDX-License-Identifier: MIT OR Apache-2.0
#include <framealloc/smart_alloc.hpp>

using namespace framealloc;

int main() {
#ifdef FRAMEALLOC_CORRECT
    basic_smart_alloc<arena::chunked<>, sync::lock_free> alloc;
#else
    basic_smart_alloc<sync::single_threaded, arena::chunked<>, sync::lock_free> alloc;
#endif
    return alloc.id() == 0 ? 0 : 1;
}
