// expect: wrong_tag_path
// SPDX-License-Identifier: MIT OR Apache-2.0
#include <framealloc/tag.hpp>

#ifdef FRAMEALLOC_CORRECT
constexpr framealloc::allocation_tag mine{"world/physics"};
#else
constexpr framealloc::allocation_tag mine{"world//physics"};
#endif

int main() { return mine.depth() == 2 ? 0 : 1; }
