// expect: framealloc: this arena policy commits memory on demand and wants a backend with virtual memory
// SPDX-License-Identifier: MIT OR Apache-2.0
#include <framealloc/arena/virtual_memory.hpp>
#include <framealloc/smart_alloc.hpp>

using namespace framealloc;

#ifdef FRAMEALLOC_CORRECT
using mine = basic_smart_alloc<arena::virtual_memory<>, backend::virtual_memory>;
#else
using mine = basic_smart_alloc<arena::virtual_memory<>, backend::system>;
#endif

int main() {
    mine alloc;
    return alloc.id() == 0 ? 0 : 1;
}
