// expect: deleted
// SPDX-License-Identifier: MIT OR Apache-2.0
#include <framealloc/object_pool/fixed_pool.hpp>

using namespace framealloc;

int main() {
    fixed_pool<int> const pool{4};
#ifdef FRAMEALLOC_CORRECT
    fixed_pool<int> const& other = pool;
#else
    fixed_pool<int> const other{pool};
#endif
    return other.capacity() == 4 ? 0 : 1;
}
