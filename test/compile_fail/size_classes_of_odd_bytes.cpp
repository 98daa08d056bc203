// expect: framealloc: pool::size_class<Min, Max> wants powers of two, from 8 up, Min no larger than Max
// SPDX-License-Identifier: MIT OR Apache-2.0
#include <framealloc/pool/size_class.hpp>
#include <framealloc/smart_alloc.hpp>

using namespace framealloc;

int main() {
#ifdef FRAMEALLOC_CORRECT
    basic_smart_alloc<pool::size_class<8, 1024>> alloc;
#else
    basic_smart_alloc<pool::size_class<8, 1000>> alloc;
#endif
    return alloc.id() == 0 ? 0 : 1;
}
