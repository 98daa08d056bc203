// expect: framealloc: backend::static_buffer<Bytes> is smaller than what the arena policy wants for one thread
// SPDX-License-Identifier: MIT OR Apache-2.0
#include <framealloc/arena/fixed.hpp>
#include <framealloc/backend/static_buffer.hpp>
#include <framealloc/smart_alloc.hpp>

using namespace framealloc;

int main() {
#ifdef FRAMEALLOC_CORRECT
    basic_smart_alloc<backend::static_buffer<1048576>, arena::fixed<65536>, pool::none> alloc;
#else
    basic_smart_alloc<backend::static_buffer<65536>, arena::fixed<65536>, pool::none> alloc;
#endif
    return alloc.id() == 0 ? 0 : 1;
}
