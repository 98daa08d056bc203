// expect: framealloc: two storage policies in one object pool; keep one
// SPDX-License-Identifier: MIT OR Apache-2.0
#include <framealloc/object_pool/fixed_pool.hpp>

using namespace framealloc;

int main() {
#ifdef FRAMEALLOC_CORRECT
    basic_object_pool<int, storage::growing> const pool{4};
#else
    basic_object_pool<int, storage::growing, storage::fixed> const pool{4};
#endif
    static_cast<void>(pool);
}
