// SPDX-License-Identifier: MIT OR Apache-2.0
#include <framealloc/diagnostics/counters.hpp>
#include <framealloc/report.hpp>
#include <framealloc/smart_alloc.hpp>

#include <cstdio>

// Time as this game has it, so that each run prints the same. Others take diagnostics::counters, by the system's clock.
struct game_clock {
    static inline unsigned long long now = 0;
    static unsigned long long nanoseconds() noexcept { return now; }
    static void pass(unsigned microseconds) { now += 1000 * microseconds; }
};
using game_alloc = framealloc::basic_smart_alloc<framealloc::diagnostics::basic_counters<game_clock>>;

struct contact {
    int a, b;
    float impulse;
};
struct spark {
    float at[3], speed[3];
};

void physics(game_alloc& alloc) {
    auto const phase = alloc.phase("physics");
    {
        auto const broad = alloc.phase("broad");
        static_cast<void>(alloc.frame_array<int>(500));
        game_clock::pass(1200);
    }
    for (int island = 0; island < 3; ++island) {
        auto const solve = alloc.phase("solve");  // one phase, entered three times
        static_cast<void>(alloc.frame_array<contact>(100));
        game_clock::pass(800);
    }
    game_clock::pass(150);
}

void effects(game_alloc& alloc, bool explosion) {
    auto const phase = alloc.phase("effects");
    for (int i = 0; i < (explosion ? 400 : 20); ++i) alloc.pool_delete(alloc.pool_new<spark>());
    game_clock::pass(explosion ? 9000 : 300);
}

int main() {
    game_alloc alloc;
    auto const room = alloc.heap_array<framealloc::performance_metrics::sample>(60 * 60);
    framealloc::performance_metrics metrics{room};  // of the last minute
    auto const torch = alloc.pool_box<spark>();

    for (int frame = 1; frame <= 600; ++frame) {
        alloc.begin_frame();
        physics(alloc);
        effects(alloc, frame % 60 == 0);
        game_clock::pass(12'000);  // the rest of it
        metrics.record(alloc.end_frame().frame);
    }

    std::printf("%s\n\n", to_line(alloc.frame_stats()).c_str());
    std::printf("%s\n", to_text(alloc.phases()).c_str());
    std::printf("%s\n", to_text(metrics.report()).c_str());
    std::printf("%s", to_text(alloc.size_classes()).c_str());
    alloc.heap_delete(room);
}
