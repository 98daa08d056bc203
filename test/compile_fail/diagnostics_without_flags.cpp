// expect: framealloc: a diagnostics policy needs the flags `counts_operations`
// SPDX-License-Identifier: MIT OR Apache-2.0
#include <framealloc/smart_alloc.hpp>

using namespace framealloc;

struct mine : diagnostics::none {
#ifndef FRAMEALLOC_CORRECT
    void fills_released();
#endif
};

int main() {
    basic_smart_alloc<mine> alloc;
    return alloc.id() == 0 ? 0 : 1;
}
