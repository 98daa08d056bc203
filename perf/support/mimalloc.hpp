// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <cstddef>
#include <initializer_list>

#include <dlfcn.h>

namespace peers {

/// mimalloc, where it is installed. It is loaded and not linked: Debian's library defines malloc and free as well, so a
/// program that links it has no glibc left to compare with.
struct mimalloc {
    void* (*malloc)(std::size_t) = nullptr;
    void* (*malloc_aligned)(std::size_t, std::size_t) = nullptr;
    void (*free)(void*) = nullptr;

    [[nodiscard]] explicit operator bool() const { return malloc && malloc_aligned && free; }

    [[nodiscard]] static mimalloc load() {
        mimalloc m;
        for (char const* name : {"libmimalloc.so.2", "libmimalloc.so"}) {
            if (void* const library = ::dlopen(name, RTLD_NOW | RTLD_LOCAL)) {
                m.malloc = reinterpret_cast<decltype(m.malloc)>(::dlsym(library, "mi_malloc"));
                m.malloc_aligned = reinterpret_cast<decltype(m.malloc_aligned)>(::dlsym(library, "mi_malloc_aligned"));
                m.free = reinterpret_cast<decltype(m.free)>(::dlsym(library, "mi_free"));
                break;
            }
        }
        return m;
    }
};

inline mimalloc const loaded_mimalloc = mimalloc::load();

}  // namespace peers
