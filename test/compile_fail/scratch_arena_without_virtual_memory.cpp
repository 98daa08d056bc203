// expect: framealloc: an arena that grows in place wants an allocator with virtual memory
// SPDX-License-Identifier: MIT OR Apache-2.0
#include <framealloc/arena/virtual_memory.hpp>
#include <framealloc/scratch/scratch_arena.hpp>

using namespace framealloc;

#ifdef FRAMEALLOC_CORRECT
using allocator = basic_smart_alloc<backend::virtual_memory>;
#else
using allocator = basic_smart_alloc<backend::system>;
#endif

int main() {
    allocator alloc;
    scratch_arena_of<allocator, arena::virtual_memory<>> scratch{alloc, "parser"};
    return scratch.reset() ? 0 : 1;
}
