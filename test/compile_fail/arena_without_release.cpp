// expect: framealloc: an arena engine needs `void release(frame_window&, ChunkSource&) noexcept`
// SPDX-License-Identifier: MIT OR Apache-2.0
#include <framealloc/smart_alloc.hpp>

using namespace framealloc;

struct mine {
    using family = arena_family;
    template <class ChunkSource>
    class engine : public arena::chunked<>::engine<ChunkSource> {
#ifndef FRAMEALLOC_CORRECT
    public:
        void release(frame_window&, ChunkSource&) {}
#endif
    };
};

int main() {
    basic_smart_alloc<mine> alloc;
    return alloc.id() == 0 ? 0 : 1;
}
