// SPDX-License-Identifier: MIT OR Apache-2.0

// A program that uses all three intents, for check_size.py. With -DWITH_MALLOC it does the same with malloc and free. The
// difference of the two is what the library adds.

#include <cstddef>

struct item {
    int value;
    unsigned char bytes[60];
};

#ifdef WITH_MALLOC

#include <cstdlib>

static item* frame_item() { return static_cast<item*>(std::malloc(sizeof(item))); }
static item* pool_item() { return static_cast<item*>(std::malloc(sizeof(item))); }
static void give_item(item* p) { std::free(p); }
static void* block(std::size_t bytes) { return std::malloc(bytes); }
static void give_block(void* p) { std::free(p); }
static void begin_frame() {}
static void end_frame() {}

#else

#include <framealloc/smart_alloc.hpp>

static constinit framealloc::smart_alloc alloc;

static item* frame_item() { return alloc.frame_alloc<item>(); }
static item* pool_item() { return alloc.pool_alloc<item>(); }
static void give_item(item* p) { alloc.pool_free<item>(p); }
static void* block(std::size_t bytes) { return alloc.heap_alloc(framealloc::layout{.bytes = bytes}); }
static void give_block(void* p) { alloc.heap_free(p); }
static void begin_frame() { alloc.begin_frame(); }
static void end_frame() { alloc.end_frame(); }

#endif

int main(int arguments, char**) {
    int sum = 0;
    for (int frame = 0; frame < arguments; ++frame) {
        begin_frame();
        item* const of_frame = frame_item();
        item* const of_pool = pool_item();
        void* const large = block(static_cast<std::size_t>(arguments) << 20);
        of_frame->value = frame;
        of_pool->value = arguments;
        sum += of_frame->value + of_pool->value + (large != nullptr);
        give_block(large);
        give_item(of_pool);
        end_frame();
#ifdef WITH_MALLOC
        std::free(of_frame);
#endif
    }
    return sum == arguments * (arguments - 1) / 2 + arguments * arguments + arguments ? 0 : 1;
}
