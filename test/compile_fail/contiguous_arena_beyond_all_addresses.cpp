// expect: framealloc: arena::virtual_memory<Reserve> wants a multiple of Step, at most 64 TiB
// SPDX-License-Identifier: MIT OR Apache-2.0
#include <framealloc/arena/virtual_memory.hpp>
#include <framealloc/smart_alloc.hpp>

using namespace framealloc;

#ifdef FRAMEALLOC_CORRECT
using mine = basic_smart_alloc<arena::virtual_memory<1_GiB>>;
#else
using mine = basic_smart_alloc<arena::virtual_memory<(std::size_t{1} << 47)>>;
#endif

int main() {
    mine alloc;
    return alloc.id() == 0 ? 0 : 1;
}
