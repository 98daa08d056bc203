// expect: framealloc: backend::static_buffer<Bytes, Align> is smaller than one aligned slab of the pool policy
// SPDX-License-Identifier: MIT OR Apache-2.0
#include <framealloc/arena/fixed.hpp>
#include <framealloc/backend/static_buffer.hpp>
#include <framealloc/smart_alloc.hpp>

using namespace framealloc;

int main() {
#ifdef FRAMEALLOC_CORRECT
    basic_smart_alloc<backend::static_buffer<1048576, 65536>, arena::fixed<4096>> alloc;
#else
    basic_smart_alloc<backend::static_buffer<65536>, arena::fixed<4096>> alloc;
#endif
    return alloc.id() == 0 ? 0 : 1;
}
