// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/smart_alloc.hpp>

namespace framealloc::test {

/// Memory that is nobody's any more, to see what has been done to it. The tools that watch memory would report that.
template <class T>
T* dead(T* p, std::size_t bytes) {
    detail::memory_is_ours(p, bytes);
    return p;
}

}  // namespace framealloc::test
