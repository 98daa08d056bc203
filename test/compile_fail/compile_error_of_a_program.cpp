// expect: [framealloc][FA101] error: engine support is on and the adapter is not registered; help: call add_adapter()
// limits: errors 3, lines 40
// SPDX-License-Identifier: MIT OR Apache-2.0
#include <framealloc/diagnostics/macros.hpp>

template <class Engine>
void start(Engine) {
    if constexpr (!Engine::has_adapter) {
        FA_COMPILE_ERROR("FA101", "engine support is on and the adapter is not registered", "call add_adapter()");
    }
}

struct engine {
#ifdef FRAMEALLOC_CORRECT
    static constexpr bool has_adapter = true;
#else
    static constexpr bool has_adapter = false;
#endif
};

void run() { start(engine{}); }
