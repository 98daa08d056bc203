// SPDX-License-Identifier: MIT OR Apache-2.0
// A shared library with an allocator of its own, which is made when the library is loaded and ends when it is unloaded.
#include <framealloc/smart_alloc.hpp>

namespace {

framealloc::smart_alloc alloc;
int* kept = nullptr;

}  // namespace

/// Uses all three intents on the calling thread, and leaves an open frame behind if told to. 0 where everything is well.
extern "C" [[gnu::visibility("default")]] int plugin_work(int leave_open) {
    framealloc::layout const large{.bytes = 100'000, .align = 64};
    if (alloc.frame_is_open()) alloc.end_frame();  // left open when this was called before
    alloc.begin_frame();
    int* const in_frame = alloc.frame_new<int>(40);
    int* const in_pool = alloc.pool_new<int>(2);
    void* const block = alloc.heap_alloc(large);
    if (kept != nullptr) alloc.pool_delete(kept);  // another thread's, perhaps
    kept = alloc.pool_new<int>(7);
    bool const right = *in_frame + *in_pool == 42 && *kept == 7 && block != nullptr;
    alloc.heap_free(block);
    alloc.pool_delete(in_pool);
    if (leave_open == 0) alloc.end_frame();
    return right && alloc.verify() ? 0 : 1;
}

/// How many threads have state with the library's allocator.
extern "C" [[gnu::visibility("default")]] unsigned long plugin_threads() { return alloc.stats().threads; }
