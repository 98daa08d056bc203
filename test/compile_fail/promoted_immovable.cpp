// expect: framealloc: promotion moves the object to its new home
// SPDX-License-Identifier: MIT OR Apache-2.0
#include <framealloc/promotion/promote.hpp>
#include <framealloc/smart_alloc.hpp>

using namespace framealloc;

struct pinned {
    int number = 0;
    pinned() = default;
#ifndef FRAMEALLOC_CORRECT
    pinned(pinned const&) = delete;
#endif
};

int main() {
    smart_alloc alloc;
    auto const frame = alloc.frame_scope();
    auto const kept = promote_to_pool(alloc, alloc.frame_new<pinned>());
    return kept->number;
}
