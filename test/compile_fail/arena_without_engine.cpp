// expect: framealloc: an arena policy needs `template <class ChunkSource> class engine`
// SPDX-License-Identifier: MIT OR Apache-2.0
#include <framealloc/smart_alloc.hpp>

using namespace framealloc;

struct mine {
    using family = arena_family;
#ifdef FRAMEALLOC_CORRECT
    template <class ChunkSource>
    using engine = arena::chunked<>::engine<ChunkSource>;
#else
    using engine = chunk_stack;
#endif
};

int main() {
    basic_smart_alloc<mine> alloc;
    return alloc.id() == 0 ? 0 : 1;
}
