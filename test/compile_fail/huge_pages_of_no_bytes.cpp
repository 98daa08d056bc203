// expect: framealloc: backend::huge_pages<Bytes> wants the size of a huge page
// SPDX-License-Identifier: MIT OR Apache-2.0
#include <framealloc/backend/huge_pages.hpp>
#include <framealloc/smart_alloc.hpp>

using namespace framealloc;

#ifdef FRAMEALLOC_CORRECT
using mine = basic_smart_alloc<backend::huge_pages<2_MiB>>;
#else
using mine = basic_smart_alloc<backend::huge_pages<0>>;
#endif

int main() {
    mine alloc;
    return alloc.id() == 0 ? 0 : 1;
}
