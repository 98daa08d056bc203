// expect: deleted
// SPDX-License-Identifier: MIT OR Apache-2.0
#include <framealloc/smart_alloc.hpp>

using namespace framealloc;

int main() {
    smart_alloc alloc;
    alloc.begin_frame();
#ifdef FRAMEALLOC_CORRECT
    auto mark = alloc.checkpoint();
    auto const other = static_cast<checkpoint&&>(mark);
    alloc.rollback(other);
#else
    auto const mark = alloc.checkpoint();
    auto const other = mark;
    alloc.rollback(other);
#endif
    alloc.end_frame();
}
