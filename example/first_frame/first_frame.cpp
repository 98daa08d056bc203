// SPDX-License-Identifier: MIT OR Apache-2.0
#include <framealloc/smart_alloc.hpp>

#include <cstdio>

struct enemy {
    float health = 100;
};

int main() {
    framealloc::smart_alloc alloc;

    auto const level = alloc.heap_array<float>(1'000'000);  // heap: large, lives until it is given back
    enemy* const boss = alloc.pool_new<enemy>();            // pool: small, comes and goes one by one

    for (int frame = 0; frame < 600; ++frame) {
        alloc.begin_frame();
        auto const hits = alloc.frame_array<float>(1000);  // frame: gone at end_frame()
        for (float& damage : hits) damage = 0.0001F;
        for (float const damage : hits) boss->health -= damage;
        alloc.end_frame();
    }

    std::printf("%llu frames took %llu bytes, and hold %zu; the boss has %.0f of 100\n", alloc.stats().frames_begun,
                alloc.stats().frame_bytes_total, alloc.stats().frame_bytes_used, double(boss->health));
    alloc.pool_delete(boss);
    alloc.heap_delete(level);
}
