// expect: framealloc: a budget policy needs `bool try_charge(std::size_t) noexcept`
// SPDX-License-Identifier: MIT OR Apache-2.0
#include <framealloc/smart_alloc.hpp>

using namespace framealloc;

struct mine : budget::none {
#ifndef FRAMEALLOC_CORRECT
    void try_charge(std::size_t) noexcept {}
#endif
};

int main() {
    basic_smart_alloc<mine> alloc;
    return alloc.id() == 0 ? 0 : 1;
}
