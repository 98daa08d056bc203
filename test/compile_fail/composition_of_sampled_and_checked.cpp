// expect: framealloc: diagnostics::sampled<N> is for assemblies that do not check blocks
// SPDX-License-Identifier: MIT OR Apache-2.0
#include <framealloc/diagnostics/compose.hpp>
#include <framealloc/diagnostics/counters.hpp>
#include <framealloc/smart_alloc_debug.hpp>
#include <framealloc/smart_alloc_sampled.hpp>

using namespace framealloc;

#ifdef FRAMEALLOC_CORRECT
using other = diagnostics::counters;
#else
using other = diagnostics::checked;
#endif

int main() {
    basic_smart_alloc<diagnostics::compose<diagnostics::sampled<1000>, other>> alloc;
    return alloc.id() == 0 ? 0 : 1;
}
