// SPDX-License-Identifier: MIT OR Apache-2.0

// A program that uses the whole library in a small way, to look at what it is linked from.

#include <framealloc/allocator.hpp>
#include <framealloc/report.hpp>
#include <framealloc/shared_alloc.hpp>

#include <vector>

#ifdef FRAMEALLOC_TEST_REPLACES_NEW
#include <cstdlib>
#include <new>
void* operator new(std::size_t bytes) {
    if (void* const p = std::malloc(bytes)) return p;
    std::abort();
}
void operator delete(void* p) noexcept { std::free(p); }
void operator delete(void* p, std::size_t) noexcept { std::free(p); }
#endif

int main() {
    auto const shared = framealloc::shared_alloc<>::create();
    framealloc::smart_alloc& alloc = *shared;
    auto scope = alloc.frame_scope();
    std::vector<int, framealloc::frame_allocator<int>> in_frame{framealloc::frame_allocator<int>{alloc}};
    in_frame.push_back(1);
    alloc.pool_delete(alloc.pool_new<int>(2));
    alloc.heap_delete(alloc.heap_new<int>(3));
    return framealloc::to_text(alloc.stats()).empty() ? 1 : 0;
}
