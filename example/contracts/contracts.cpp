// SPDX-License-Identifier: MIT OR Apache-2.0
#include <framealloc/contracts.hpp>
#include <framealloc/diagnostics/sink.hpp>

#include <cstdio>

using namespace framealloc;
using game_alloc = basic_smart_alloc<diagnostics::contracts>;

struct game {
    game_alloc alloc;

    void mix(bool echo) {
        if (!echo) return;
        // A buffer that should have been there before the callback.
        float* const buffer = alloc.pool_new<float>();
        alloc.pool_delete(buffer);
    }
    void audio_callback(bool echo) {
        no_allocation_scope const quiet{"audio callback"};
        mix(echo);
    }
    void step(std::size_t contacts) {
        allocation_budget const per_step{.name = "physics step", .count = 2, .bytes = 4096, .intent = intent::frame};
        auto const scope = alloc.frame_scope();
        static_cast<void>(alloc.frame_array<int>(contacts));
        static_cast<void>(alloc.frame_array<float>(contacts));
    }
};

int main() {
    set_diagnostic_sink([](char const* text, std::size_t bytes) noexcept { std::fwrite(text, 1, bytes, stdout); });
    game g;
    g.audio_callback(false);  // as agreed
    g.audio_callback(true);
    g.step(500);  // 4000 bytes
    g.step(600);
}
