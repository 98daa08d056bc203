// expect: framealloc: diagnostics::compose<...> has the same policy twice; keep one
// SPDX-License-Identifier: MIT OR Apache-2.0
#include <framealloc/diagnostics/compose.hpp>
#include <framealloc/diagnostics/counters.hpp>
#include <framealloc/smart_alloc.hpp>

using namespace framealloc;

#ifdef FRAMEALLOC_CORRECT
using second = diagnostics::none;
#else
using second = diagnostics::counters;
#endif

int main() {
    basic_smart_alloc<diagnostics::compose<diagnostics::counters, second>> alloc;
    return alloc.id() == 0 ? 0 : 1;
}
