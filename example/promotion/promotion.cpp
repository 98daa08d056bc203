// SPDX-License-Identifier: MIT OR Apache-2.0
#include <framealloc/diagnostics/counters.hpp>
#include <framealloc/promotion/promote.hpp>
#include <framealloc/promotion/retained.hpp>
#include <framealloc/smart_alloc.hpp>

#include <cstdio>
#include <string>
#include <utility>

// A search makes hundreds of candidates in a frame, and finds out only at its end which one is worth keeping.

using game_alloc = framealloc::basic_smart_alloc<framealloc::diagnostics::counters>;
template <class T>
using kept = framealloc::retained<T, game_alloc::assembly_type>;

struct route {
    std::string way;
    int length;
};

int main() {
    game_alloc alloc;
    auto level = alloc.groups().create("level_1");
    kept<route> best;

    for (int frame = 1; frame <= 3; ++frame) {
        alloc.begin_frame();
        for (int i = 0; i < 200; ++i) {
            int const length = 900 - 100 * frame + (i * 67 + 30) % 101;
            // What is overtaken stays with the frame, and goes with it. What is best at the end moves to a pool.
            auto found =
                frame_retained<route>(alloc, framealloc::retention::pool, "by tower " + std::to_string(i), length);
            if (!best || found->length < best->length) best = std::move(found);
        }
        // What is known to be worth it moves at once: the level has a sign from now on.
        auto* const sign = alloc.frame_new<std::string>(best->way + " in " + std::to_string(best->length) + " steps");
        std::string const* const in_level = promote_to_group(alloc, level, sign);

        framealloc::promotion_counts const counts = alloc.end_frame().promotions();
        std::printf("frame %d: %s; to a pool %llu, to the level %llu, discarded %llu, failed %llu\n", frame,
                    in_level->c_str(), counts.to_pool, counts.to_group, counts.discarded, counts.failed());
    }
    std::printf("kept: %s, %d steps\n", best->way.c_str(), best->length);

    best.reset();
    level.free();
    std::printf("at the end: %zu bytes in pools, %zu in the heap\n", alloc.stats().pool_bytes_live,
                alloc.stats().heap_bytes_live);
    return 0;
}
