// expect: framealloc: pool::fine_size_class<Max> wants a power of two from 64 to 65536
// SPDX-License-Identifier: MIT OR Apache-2.0
#include <framealloc/pool/fine_size_class.hpp>
#include <framealloc/smart_alloc.hpp>

using namespace framealloc;

#ifdef FRAMEALLOC_CORRECT
using mine = basic_smart_alloc<pool::fine_size_class<1024>>;
#else
using mine = basic_smart_alloc<pool::fine_size_class<1000>>;
#endif

int main() {
    mine alloc;
    return alloc.id() == 0 ? 0 : 1;
}
