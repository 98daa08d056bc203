// expect: framealloc: diagnostics::compose<> of nothing; name diagnostics::none
// SPDX-License-Identifier: MIT OR Apache-2.0
#include <framealloc/diagnostics/compose.hpp>
#include <framealloc/smart_alloc.hpp>

using namespace framealloc;

int main() {
#ifdef FRAMEALLOC_CORRECT
    basic_smart_alloc<diagnostics::compose<diagnostics::none>> alloc;
#else
    basic_smart_alloc<diagnostics::compose<>> alloc;
#endif
    return alloc.id() == 0 ? 0 : 1;
}
