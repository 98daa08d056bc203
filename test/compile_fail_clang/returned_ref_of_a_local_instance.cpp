// expect: address of stack memory associated with local variable 'alloc' returned
// SPDX-License-Identifier: MIT OR Apache-2.0
#include <framealloc/smart_alloc.hpp>

using namespace framealloc;

#ifdef FRAMEALLOC_CORRECT
alloc_ref<smart_alloc::assembly_type> made(smart_alloc& alloc) {
#else
alloc_ref<smart_alloc::assembly_type> made() {
    smart_alloc alloc;
#endif
    return alloc.ref();
}

int main() {
    smart_alloc lasting;
#ifdef FRAMEALLOC_CORRECT
    static_cast<void>(made(lasting));
#else
    static_cast<void>(made());
#endif
    return lasting.id() == 0 ? 0 : 1;
}
