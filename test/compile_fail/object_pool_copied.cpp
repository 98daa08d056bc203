// expect: deleted
// SPDX-License-Identifier: MIT OR Apache-2.0
#include <framealloc/object_pool/fixed_pool.hpp>

using namespace framealloc;

int main() {
#ifdef FRAMEALLOC_CORRECT
    fixed_pool<int> pool{4};
    fixed_pool<int>& other = pool;
    static_cast<void>(other.capacity());
#else
    fixed_pool<int> pool{4};
    fixed_pool<int> other = pool;
    static_cast<void>(other.capacity());
#endif
}
