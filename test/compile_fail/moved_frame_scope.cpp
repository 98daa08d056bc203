// expect: deleted
// SPDX-License-Identifier: MIT OR Apache-2.0
#include <framealloc/smart_alloc.hpp>

using namespace framealloc;

int main() {
    smart_alloc alloc;
    alloc.begin_frame();
#ifdef FRAMEALLOC_CORRECT
    auto scope = alloc.frame_scope();
    auto& other = scope;
    static_cast<void>(other.frame_alloc<int>());
#else
    auto scope = alloc.frame_scope();
    auto other = static_cast<decltype(scope)&&>(scope);
    static_cast<void>(other.frame_alloc<int>());
#endif
    alloc.end_frame();
}
