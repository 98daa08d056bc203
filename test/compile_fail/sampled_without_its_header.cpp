// expect: diagnostics::sampled framealloc/smart_alloc_sampled.hpp
// SPDX-License-Identifier: MIT OR Apache-2.0
#include <framealloc/diagnostics/sampled.hpp>
#include <framealloc/smart_alloc.hpp>
#ifdef FRAMEALLOC_CORRECT
#include <framealloc/smart_alloc_sampled.hpp>
#endif

using namespace framealloc;

int main() {
    basic_smart_alloc<diagnostics::sampled<1000>> alloc;
    alloc.pool_free(alloc.pool_alloc(layout{.bytes = 8}));
}
