// SPDX-License-Identifier: MIT OR Apache-2.0
// Values for a debugger to look at. Each line `//> COMMAND => PATTERN` is a command for gdb, given where the program stops
// in look(), one frame up, and a regular expression for what it must print.
#include <framealloc/allocator.hpp>
#include <framealloc/diagnostics/counters.hpp>

#include <cstring>
#include <thread>

using namespace framealloc;

void look();
[[gnu::noinline]] void look() { __asm__ volatile(""); }

namespace {

struct enemy {
    int health = 7;
};

void with_two_threads(smart_alloc& alloc) {
    //> print alloc => framealloc instance 1: \d+ bytes from the backend, 1 heap block of 40 bytes, 2 threads
    //> print alloc => thread\[\d\] = "?thread 1: in its frame, number 3
    //> print alloc => thread\[\d\] = "?thread 2: no frame is open, 1 frame so far
    look();
    static_cast<void>(alloc);
}

}  // namespace

int main() {
    smart_alloc alloc;
    basic_smart_alloc<sync::single_threaded, diagnostics::counters> one;
    smart_alloc unused;
    for (int i = 0; i < 2; ++i) {
        alloc.begin_frame();
        alloc.end_frame();
    }
    alloc.begin_frame();
    one.begin_frame();

    //> print size => 100 bytes, align 32$
    [[maybe_unused]] layout const size{.bytes = 100, .align = 32};
    //> print too_large => more bytes than can exist, align 4$
    [[maybe_unused]] layout const too_large = layout::array_of<int>(SIZE_MAX / 2);
    //> print in_frame => frame_box<.*enemy> at 0x[0-9a-f]+ = \{\s*object = \{\s*health = 7
    auto const in_frame = alloc.frame_box<enemy>();
    //> print owned => pool_ptr<int> at 0x[0-9a-f]+ = \{\s*object = 42
    auto owned = alloc.pool_box<int>(42);
    //> print moved => empty pool_ptr<int>$
    auto moved = alloc.pool_box<int>(1);
    { auto const taken = static_cast<decltype(moved)&&>(moved); }
    struct array_of_ten {
        int values[10];
    };
    //> print ten => heap_ptr<.*array_of_ten> at 0x[0-9a-f]+ = \{\s*object = \{\s*values = \{1, 0, 0, 0, 0, 0, 0, 0, 0, 2\}
    auto const ten = alloc.heap_box<array_of_ten>(array_of_ten{{1, 0, 0, 0, 0, 0, 0, 0, 0, 2}});
    //> print mark => checkpoint 1 at 0x[0-9a-f]+$
    [[maybe_unused]] auto const mark = alloc.checkpoint();
    //> print dead => checkpoint 2 at 0x[0-9a-f]+, no longer live$
    auto const dead = alloc.checkpoint();
    alloc.rollback(dead);
    std::memset(alloc.frame_alloc({.bytes = 64}), 0, 64);  // where its mark was
    //> print empty => empty checkpoint$
    [[maybe_unused]] checkpoint const empty;
    //> print for_frames => frame_allocator<int> of instance 1$
    frame_allocator<int> const for_frames{alloc};
    //> print for_pools => pool_allocator<(signed )?char> of instance 1$
    [[maybe_unused]] pool_allocator<signed char> const for_pools{alloc};
    //> print handle => alloc_ref of instance 1$
    [[maybe_unused]] auto const handle = alloc.ref();
    //> print one => framealloc instance for one thread: \d+ bytes from the backend, 0 heap blocks of 0 bytes, 1 thread
    //> print one => = "?in its frame, number 1
    static_cast<void>(one.frame_alloc({.bytes = 640}));
    //> print unused => framealloc instance not used by threads yet: 0 bytes from the backend, 0 heap blocks of 0 bytes, 0 threads
    //> print local => thread 1: in its frame, number 3 = \{\s*cursor = \d+,\s*limit = \d+,
    [[maybe_unused]] auto& local = alloc.local();
    //> print stats => frames use \d+ of \d+ bytes, pools hold 1 block of \d+ bytes, the heap 1 block of 40 bytes; \d+ bytes from
    //> print stats => frames_begun = 3,
    [[maybe_unused]] alloc_stats const stats = alloc.stats();
    //> print mistake => FA211 foreign_pointer = \{
    [[maybe_unused]] fault const mistake{.code = fault_code::foreign_pointer, .note = "example"};
    //> print alloc => framealloc instance 1: \d+ bytes from the backend, 1 heap block of 40 bytes, 1 thread = \{
    look();

    std::thread{[&alloc] {
        alloc.begin_frame();
        alloc.end_frame();
        with_two_threads(alloc);
    }}.join();
    alloc.end_frame();
    one.end_frame();
}
