// expect: no matching 
// SPDX-License-Identifier: MIT OR Apache-2.0
#include <framealloc/budget/global.hpp>
#include <framealloc/smart_alloc.hpp>

using namespace framealloc;

int main() {
#ifdef FRAMEALLOC_CORRECT
    basic_smart_alloc<budget::global> alloc{budget::global{65536}};
#else
    basic_smart_alloc<> alloc{budget::global{65536}};
#endif
    return alloc.id() == 0 ? 0 : 1;
}
