// expect: framealloc: free_anywhere(p) looks for the instance among all threads' ones
// SPDX-License-Identifier: MIT OR Apache-2.0
#include <framealloc/smart_alloc.hpp>

using namespace framealloc;

int main() {
#ifdef FRAMEALLOC_CORRECT
    smart_alloc::free_anywhere(nullptr);
#else
    smart_alloc_single_threaded::free_anywhere(nullptr);
#endif
}
