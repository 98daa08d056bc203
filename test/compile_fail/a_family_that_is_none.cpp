// expect: framealloc: this type is no policy; a policy has
// SPDX-License-Identifier: MIT OR Apache-2.0
#include <framealloc/smart_alloc.hpp>

using namespace framealloc;

struct colourful {
    using family = struct colour_family;
};

int main() {
#ifdef FRAMEALLOC_CORRECT
    basic_smart_alloc<sync::lock_free> alloc;
#else
    basic_smart_alloc<colourful> alloc;
#endif
    return alloc.id() == 0 ? 0 : 1;
}
