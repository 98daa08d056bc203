// expect: framealloc: an arena engine needs `void for_each_used(frame_window const&, frame_position, F) const noexcept`
// SPDX-License-Identifier: MIT OR Apache-2.0
#include <framealloc/smart_alloc.hpp>

using namespace framealloc;

struct mine {
    using family = arena_family;
    template <class ChunkSource>
    class engine : public arena::chunked<>::engine<ChunkSource> {
#ifndef FRAMEALLOC_CORRECT
    public:
        void for_each_used(frame_window const&) const noexcept {}
#endif
    };
};

int main() {
    basic_smart_alloc<mine> alloc;
    return alloc.id() == 0 ? 0 : 1;
}
