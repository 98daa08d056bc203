// expect: framealloc: arena::in_flight<N, Arena> keeps 1 to 16 frames
// SPDX-License-Identifier: MIT OR Apache-2.0
#include <framealloc/arena/in_flight.hpp>
#include <framealloc/smart_alloc.hpp>

using namespace framealloc;

#ifdef FRAMEALLOC_CORRECT
using mine = basic_smart_alloc<arena::in_flight<3, arena::chunked<>>>;
#else
using mine = basic_smart_alloc<arena::in_flight<17, arena::chunked<>>>;
#endif

int main() {
    mine alloc;
    return alloc.id() == 0 ? 0 : 1;
}
