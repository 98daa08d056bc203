// expect: framealloc: a budget policy needs `std::size_t used_bytes() const noexcept`
// SPDX-License-Identifier: MIT OR Apache-2.0
#include <framealloc/smart_alloc.hpp>

using namespace framealloc;

struct mine : budget::none {
#ifndef FRAMEALLOC_CORRECT
    std::size_t limit_bytes() noexcept { return 0; }
#endif
};

int main() {
    basic_smart_alloc<mine> alloc;
    return alloc.id() == 0 ? 0 : 1;
}
