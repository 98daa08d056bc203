// expect: framealloc: backend::split<Regions, Blocks> wants a first backend that reserves
// SPDX-License-Identifier: MIT OR Apache-2.0
#include <framealloc/backend/split.hpp>
#include <framealloc/smart_alloc.hpp>

using namespace framealloc;

int main() {
#ifdef FRAMEALLOC_CORRECT
    basic_smart_alloc<backend::split<backend::virtual_memory, backend::system>> alloc;
#else
    basic_smart_alloc<backend::split<backend::system, backend::system>> alloc;
#endif
    return alloc.id() == 0 ? 0 : 1;
}
