// expect: framealloc: two diagnostics policies in one assembly; keep one
// SPDX-License-Identifier: MIT OR Apache-2.0
#include <framealloc/diagnostics/counters.hpp>
#include <framealloc/smart_alloc_debug.hpp>

using namespace framealloc;

int main() {
#ifdef FRAMEALLOC_CORRECT
    basic_smart_alloc<diagnostics::checked> alloc;
#else
    basic_smart_alloc<diagnostics::checked, diagnostics::counters> alloc;
#endif
    return alloc.id() == 0 ? 0 : 1;
}
