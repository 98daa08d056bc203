// expect: framealloc: diagnostics that keep records, such as diagnostics::checked, want the header framealloc/smart_alloc_debug.hpp
// SPDX-License-Identifier: MIT OR Apache-2.0
#ifdef FRAMEALLOC_CORRECT
#include <framealloc/smart_alloc_debug.hpp>
#endif
#include <framealloc/diagnostics/checked.hpp>
#include <framealloc/smart_alloc.hpp>

using namespace framealloc;

int main() {
    basic_smart_alloc<diagnostics::checked> alloc;
    return alloc.id() == 0 ? 0 : 1;
}
