// expect: deleted
// SPDX-License-Identifier: MIT OR Apache-2.0
#include <framealloc/object_pool/fixed_pool.hpp>

using namespace framealloc;

int main() {
#ifdef FRAMEALLOC_CORRECT
    fixed_pool<int> pool{4};
    auto owner = pool.make(7);
    auto const other = static_cast<decltype(owner)&&>(owner);
    return *other - 7;
#else
    fixed_pool<int> pool{4};
    auto const owner = pool.make(7);
    auto const other = owner;
    return *other - 7;
#endif
}
