// expect: deleted
// SPDX-License-Identifier: MIT OR Apache-2.0
#include <framealloc/object_pool/fixed_pool.hpp>

using namespace framealloc;

int main() {
    fixed_pool<int> pool{4};
    auto one = pool.make(7);
#ifdef FRAMEALLOC_CORRECT
    auto const other = static_cast<decltype(one)&&>(one);
#else
    auto const other = one;
#endif
    return *other - 7;
}
