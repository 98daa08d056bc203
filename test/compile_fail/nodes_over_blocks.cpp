// expect: framealloc: backend::basic_numa<Topology, Binder, Pages> wants a backend of pages, which reserves, commits
// SPDX-License-Identifier: MIT OR Apache-2.0
#include <framealloc/backend/numa.hpp>
#include <framealloc/smart_alloc.hpp>

using namespace framealloc;

#ifdef FRAMEALLOC_CORRECT
using mine = basic_smart_alloc<backend::basic_numa<system_numa, system_numa_binder, backend::virtual_memory>>;
#else
using mine = basic_smart_alloc<backend::basic_numa<system_numa, system_numa_binder, backend::system>>;
#endif

int main() {
    mine alloc;
    return alloc.id() == 0 ? 0 : 1;
}
