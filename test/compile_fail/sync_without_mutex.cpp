// expect: framealloc: a sync policy needs a type `mutex` with lock(), unlock() and try_lock()
// SPDX-License-Identifier: MIT OR Apache-2.0
#include <framealloc/smart_alloc.hpp>

using namespace framealloc;

struct mine : sync::lock_free {
#ifndef FRAMEALLOC_CORRECT
    struct mutex {};
#endif
};

int main() {
    basic_smart_alloc<mine> alloc;
    return alloc.id() == 0 ? 0 : 1;
}
