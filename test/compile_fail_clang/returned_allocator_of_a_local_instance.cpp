// expect: address of stack memory associated with local variable 'alloc' returned
// SPDX-License-Identifier: MIT OR Apache-2.0
#include <framealloc/allocator.hpp>

using namespace framealloc;

#ifdef FRAMEALLOC_CORRECT
pool_allocator<int> made(smart_alloc& alloc) {
#else
pool_allocator<int> made() {
    smart_alloc alloc;
#endif
    return pool_allocator<int>{alloc};
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
