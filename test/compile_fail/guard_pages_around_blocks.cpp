// expect: framealloc: backend::guard_pages<Inner> wants a backend that reserves, commits, decommits and releases
// SPDX-License-Identifier: MIT OR Apache-2.0
#include <framealloc/backend/guard_pages.hpp>
#include <framealloc/smart_alloc.hpp>

using namespace framealloc;

#ifdef FRAMEALLOC_CORRECT
using mine = basic_smart_alloc<backend::guard_pages<backend::virtual_memory>>;
#else
using mine = basic_smart_alloc<backend::guard_pages<backend::system>>;
#endif

int main() {
    mine alloc;
    return alloc.id() == 0 ? 0 : 1;
}
