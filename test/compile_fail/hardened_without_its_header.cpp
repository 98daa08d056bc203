// expect: diagnostics::hardened framealloc/smart_alloc_hardened.hpp
// SPDX-License-Identifier: MIT OR Apache-2.0
#include <framealloc/diagnostics/hardened.hpp>
#include <framealloc/smart_alloc.hpp>
#ifdef FRAMEALLOC_CORRECT
#include <framealloc/smart_alloc_hardened.hpp>
#endif

using namespace framealloc;

int main() {
    basic_smart_alloc<diagnostics::hardened> alloc;
    alloc.pool_free(alloc.pool_alloc(layout{.bytes = 8}));
}
