// expect: size_does_not_fit_into_size_t
// limits: errors 2, lines 40
// SPDX-License-Identifier: MIT OR Apache-2.0
#include <framealloc/smart_alloc.hpp>

using namespace framealloc;

#ifdef FRAMEALLOC_CORRECT
constexpr std::size_t bytes = 17179869183_GiB;
#else
constexpr std::size_t bytes = 17179869184_GiB;
#endif

int main() { return bytes == 0 ? 1 : 0; }
