// expect: framealloc: two backend policies in one assembly
// SPDX-License-Identifier: MIT OR Apache-2.0
#include <framealloc/smart_alloc.hpp>

using namespace framealloc;

int main() {
#ifdef FRAMEALLOC_CORRECT
    basic_smart_alloc<backend::system> alloc;
#else
    basic_smart_alloc<backend::system, backend::virtual_memory> alloc;
#endif
    return alloc.id() == 0 ? 0 : 1;
}
