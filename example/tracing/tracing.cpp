// SPDX-License-Identifier: MIT OR Apache-2.0
#include <framealloc/smart_alloc.hpp>
#include <framealloc/trace.hpp>

#include <cstdio>
#include <vector>

// Time as this game has it, so that each run prints the same. Others take diagnostics::trace, by the system's clock.
struct game_clock {
    static inline unsigned long long now = 0;
    static unsigned long long nanoseconds() noexcept { return now; }
    static void pass_seconds(unsigned s) { now += 1'000'000'000ull * s; }
};
using namespace framealloc;
using game_alloc =
    basic_smart_alloc<diagnostics::basic_trace<trace_options{.stacks = stack_capture::never}, game_clock>>;

struct mesh {
    float vertices[96];
};
struct effect {
    float at[3], speed[3];
};

struct game {
    game_alloc alloc;
    mesh* load_mesh() { return alloc.pool_new<mesh>(); }
    effect* spawn_effect() { return alloc.pool_new<effect>(); }
};

int main() {
    game g;
    game_alloc& alloc = g.alloc;
    std::vector<mesh*> level;
    std::vector<effect*> forgotten;
    for (int i = 0; i < 20; ++i) level.push_back(g.load_mesh());

    for (unsigned minute = 1; minute <= 2; ++minute) {
        for (int frame = 0; frame < 60; ++frame) {
            alloc.begin_frame();
            static_cast<void>(alloc.frame_array<float>(1000));
            effect* const e = g.spawn_effect();
            frame % 20 == 0 ? forgotten.push_back(e) : alloc.pool_delete(e);
            alloc.end_frame();
            game_clock::pass_seconds(1);
        }
        // The level is old and does not grow; what grows is the leak.
        leak_report const all = alloc.find_leaks({.older_than = std::chrono::seconds{10}, .older_than_frames = 10});
        std::printf("minute %u: %s", minute, to_text(all).c_str());
    }
    for (mesh* m : level) alloc.pool_delete(m);
    for (effect* e : forgotten) alloc.pool_delete(e);
}
