// expect: deleted
// SPDX-License-Identifier: MIT OR Apache-2.0
#include <framealloc/smart_alloc.hpp>

using namespace framealloc;

int main() {
    smart_alloc alloc;
    alloc.begin_frame();
#ifdef FRAMEALLOC_CORRECT
    auto guard = alloc.rollback_guard();
    auto& other = guard;
    other.commit();
#else
    auto guard = alloc.rollback_guard();
    auto other = guard;
    other.commit();
#endif
    alloc.end_frame();
}
