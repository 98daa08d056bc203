// expect: diagnostics::guarded framealloc/smart_alloc_guarded.hpp
// SPDX-License-Identifier: MIT OR Apache-2.0
#include <framealloc/diagnostics/guarded.hpp>
#include <framealloc/smart_alloc.hpp>
#ifdef FRAMEALLOC_CORRECT
#include <framealloc/smart_alloc_guarded.hpp>
#endif

using namespace framealloc;

int main() {
    basic_smart_alloc<diagnostics::guarded> alloc;
    alloc.pool_free(alloc.pool_alloc(layout{.bytes = 8}));
}
