// expect: no matching 
// SPDX-License-Identifier: MIT OR Apache-2.0
#include <framealloc/budget/global.hpp>
#include <framealloc/smart_alloc.hpp>

using namespace framealloc;

int main() {
    budget::global const limit{65536};
#ifdef FRAMEALLOC_CORRECT
    basic_smart_alloc<budget::global> alloc{limit, alloc_config{}};
#else
    basic_smart_alloc<budget::global> alloc{limit, alloc_config{}, limit};
#endif
    return alloc.id() == 0 ? 0 : 1;
}
