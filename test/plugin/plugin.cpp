// SPDX-License-Identifier: MIT OR Apache-2.0
// A shared library with an allocator of its own, which is made when the library is loaded and ends when it is unloaded.
#include <framealloc/smart_alloc.hpp>
#include <framealloc/tag_budgets.hpp>

namespace {

framealloc::smart_alloc alloc;
framealloc::basic_smart_alloc<framealloc::budget::per_tag> tagged;
constexpr framealloc::allocation_tag same{"host/plugin"};
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

/// Charges a tag that the program has made to an allocator of the library, which knows it by its own constant, and meets a
/// limit, whose text is the library's. 0 where everything is well.
extern "C" [[gnu::visibility("default")]] int plugin_charge(framealloc::allocation_tag const* theirs) {
    auto const scope = tagged.tag_scope(*theirs);
    framealloc::layout const small{.bytes = 64, .align = 16};
    void* const p = tagged.pool_alloc(small);
    tagged.budgets().set(same, {.hard = 1000});
    bool const right = *theirs == same && tagged.budgets().usage(same).pool_bytes == 64 &&
                       tagged.try_heap_alloc(framealloc::layout{.bytes = 5000, .align = 16}) == nullptr;
    tagged.pool_free(p);
    return right && tagged.verify() ? 0 : 1;
}
/// The tag's number here, and where this library keeps such numbers.
extern "C" [[gnu::visibility("default")]] unsigned plugin_tag_number() { return same.id(); }
extern "C" [[gnu::visibility("default")]] void const* plugin_tag_numbers() { return &framealloc::detail::known_tags; }
