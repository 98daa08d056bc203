// SPDX-License-Identifier: MIT OR Apache-2.0
// All three intents, and what the library says of them.
#include <framealloc/arena/fixed.hpp>
#include <framealloc/smart_alloc.hpp>
#include <framealloc/version.hpp>
#if !defined(HEADERS_ALONE)
#include <framealloc/report.hpp>
#endif
#if defined(WITH_NUMA)
#include <framealloc/integration/hwloc.hpp>
#endif

#include <cstdio>

int main() {
    framealloc::basic_smart_alloc<framealloc::arena::fixed<64 << 10>> alloc;

    auto const block = alloc.heap_array<int>(10'000);
    int* const object = alloc.pool_new<int>(7);
    alloc.begin_frame();
    block[0] = *object + *alloc.frame_new<int>(35);

    framealloc::alloc_stats const stats = alloc.stats();
    std::printf("framealloc %ld says %d\n", framealloc::version, block[0]);
#if defined(HEADERS_ALONE)
    std::printf("frame_bytes_used %zu\n", stats.frame_bytes_used);
#else
    std::fputs(to_text(stats).c_str(), stdout);
#endif

#if defined(WITH_NUMA)
    auto const machine = framealloc::hwloc_machine::synthetic("package:2 numa:1 core:2 pu:1");
    std::printf("%u nodes\n", machine.nodes().count());
#endif

    alloc.end_frame();
    alloc.pool_delete(object);
    alloc.heap_delete(block);
}
