// expect: framealloc: diagnostics that observe want the header of their observer: framealloc/trace.hpp
// SPDX-License-Identifier: MIT OR Apache-2.0
#ifdef FRAMEALLOC_CORRECT
#include <framealloc/trace.hpp>
#endif
#include <framealloc/diagnostics/trace.hpp>
#include <framealloc/smart_alloc.hpp>

using namespace framealloc;

int main() {
    basic_smart_alloc<diagnostics::trace> alloc;
    return alloc.id() == 0 ? 0 : 1;
}
