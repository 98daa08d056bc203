// expect: framealloc: a diagnostics policy needs a type `thread_part`
// SPDX-License-Identifier: MIT OR Apache-2.0
#include <framealloc/smart_alloc.hpp>

using namespace framealloc;

struct mine : diagnostics::none {
#ifndef FRAMEALLOC_CORRECT
    struct thread_part {};
#endif
};

int main() {
    basic_smart_alloc<mine> alloc;
    return alloc.id() == 0 ? 0 : 1;
}
