// expect: deleted
// SPDX-License-Identifier: MIT OR Apache-2.0
#include <framealloc/smart_alloc.hpp>

using namespace framealloc;

int main() {
    smart_alloc alloc;
    alloc.begin_frame();
#ifdef FRAMEALLOC_CORRECT
    auto other = alloc.ref();
    static_cast<void>(other.local());
#else
    auto other = alloc;
    static_cast<void>(other.id());
#endif
    alloc.end_frame();
}
