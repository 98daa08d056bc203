// SPDX-License-Identifier: MIT OR Apache-2.0
#include <framealloc/smart_alloc_debug.hpp>

framealloc::smart_alloc_debug level{framealloc::alloc_config{.name = "level"}};

struct ship {
    float hull = 100;
};

ship* launch() {
    return level.pool_new<ship>();
}
void explode(ship* hit) {
    level.pool_delete(hit);
}
void leave(ship* gone) {
    level.pool_delete(gone);
}

int main() {
    level.begin_frame();
    ship* const flagship = launch();
    explode(flagship);
    leave(flagship);
    level.end_frame();
}
