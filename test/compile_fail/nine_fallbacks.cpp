// expect: framealloc: backend::fallback nests eight deep at most
// SPDX-License-Identifier: MIT OR Apache-2.0
#include <framealloc/backend/fallback.hpp>
#include <framealloc/smart_alloc.hpp>

using namespace framealloc;

template <std::size_t Depth>
struct nested : std::type_identity<backend::fallback<backend::system, typename nested<Depth - 1>::type>> {};
template <>
struct nested<0> : std::type_identity<backend::system> {};

#ifdef FRAMEALLOC_CORRECT
using mine = basic_smart_alloc<nested<8>::type>;
#else
using mine = basic_smart_alloc<nested<9>::type>;
#endif

int main() {
    mine alloc;
    return alloc.id() == 0 ? 0 : 1;
}
