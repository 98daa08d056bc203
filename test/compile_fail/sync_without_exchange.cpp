// expect: framealloc: a sync policy needs `template <class T, std::size_t Depth> class exchange`
// SPDX-License-Identifier: MIT OR Apache-2.0
#include <framealloc/smart_alloc.hpp>

using namespace framealloc;

struct mine : sync::lock_free {
#ifndef FRAMEALLOC_CORRECT
    template <class T, std::size_t Depth>
    struct exchange {
        bool try_put(T*) noexcept { return false; }
    };
#endif
};

int main() {
    basic_smart_alloc<mine> alloc;
    return alloc.id() == 0 ? 0 : 1;
}
