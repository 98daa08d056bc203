// expect: framealloc: a pool policy needs `static constexpr std::size_t class_for(framealloc::layout) noexcept`
// SPDX-License-Identifier: MIT OR Apache-2.0
#include <framealloc/smart_alloc.hpp>

using namespace framealloc;

struct mine : pool::size_class<> {
#ifndef FRAMEALLOC_CORRECT
    static std::size_t class_for(std::size_t) noexcept { return 0; }
#endif
};

int main() {
    basic_smart_alloc<mine> alloc;
    return alloc.id() == 0 ? 0 : 1;
}
