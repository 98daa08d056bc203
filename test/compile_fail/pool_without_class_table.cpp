// expect: framealloc: a pool policy needs `class_count`, `max_bytes`, `slab_bytes`
// SPDX-License-Identifier: MIT OR Apache-2.0
#include <framealloc/smart_alloc.hpp>

using namespace framealloc;

struct mine : pool::size_class<> {
#ifndef FRAMEALLOC_CORRECT
    static std::size_t class_bytes() noexcept { return 0; }
#endif
};

int main() {
    basic_smart_alloc<mine> alloc;
    return alloc.id() == 0 ? 0 : 1;
}
