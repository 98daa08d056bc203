// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <cstddef>
#include <cstdlib>
#include <string>

#include <dlfcn.h>

// The general allocators that everything is compared with, in one shape. glibc's is the program's own; the others are
// loaded and not linked, because each of their libraries defines malloc as well, and a program has room for one.

namespace mallocs {

/// The functions of a loaded allocator. All null, and `reason` says why, where it cannot be had.
struct loaded {
    void* (*malloc)(std::size_t) = nullptr;
    void* (*malloc_aligned)(std::size_t align, std::size_t bytes) = nullptr;
    void (*free)(void*) = nullptr;
    std::string reason{};

    [[nodiscard]] bool is_here() const { return malloc != nullptr && malloc_aligned != nullptr && free != nullptr; }
};

struct names {
    char const* library;
    char const* package;
    char const* malloc;
    char const* malloc_aligned;
    char const* free;
};

[[nodiscard]] inline loaded load(names const& wanted) {
    loaded found;
    // Bound to itself first, so that it does not call glibc's malloc where it means its own.
    void* const library = ::dlopen(wanted.library, RTLD_NOW | RTLD_LOCAL | RTLD_DEEPBIND);
    if (library == nullptr) {
        char const* const why = ::dlerror();
        found.reason = why != nullptr ? why : "unknown";
        if (found.reason.find("static TLS") != std::string::npos) {
            found.reason += ": start with GLIBC_TUNABLES=glibc.rtld.optional_static_tls=8192";
        } else {
            found.reason += std::string{": install the package "} + wanted.package;
        }
        return found;
    }
    found.malloc = reinterpret_cast<decltype(found.malloc)>(::dlsym(library, wanted.malloc));
    found.malloc_aligned = reinterpret_cast<decltype(found.malloc_aligned)>(::dlsym(library, wanted.malloc_aligned));
    found.free = reinterpret_cast<decltype(found.free)>(::dlsym(library, wanted.free));
    if (!found.is_here()) found.reason = std::string{wanted.library} + " has no " + wanted.malloc;
    return found;
}

struct glibc {
    static constexpr char const* name = "glibc";
    static void* allocate(std::size_t bytes) { return std::malloc(bytes); }
    static void* allocate_aligned(std::size_t bytes, std::size_t align) { return std::aligned_alloc(align, bytes); }
    static void free(void* p) { std::free(p); }
    static bool is_here() { return true; }
    static std::string why_not() { return {}; }
};

template <names const& Names, class Self>
struct from_library {
    static void* allocate(std::size_t bytes) { return functions.malloc(bytes); }
    static void* allocate_aligned(std::size_t bytes, std::size_t align) {
        return functions.malloc_aligned(align, bytes);
    }
    static void free(void* p) { functions.free(p); }
    static bool is_here() { return functions.is_here(); }
    static std::string const& why_not() { return functions.reason; }

    static inline loaded const functions = load(Names);
};

inline constexpr names mimalloc_names{"libmimalloc.so.2", "libmimalloc2.0", "mi_malloc", "mi_aligned_alloc", "mi_free"};
inline constexpr names jemalloc_names{"libjemalloc.so.2", "libjemalloc2", "malloc", "aligned_alloc", "free"};
inline constexpr names tcmalloc_names{"libtcmalloc_minimal.so.4", "libtcmalloc-minimal4", "tc_malloc", "tc_memalign",
                                      "tc_free"};
struct mimalloc : from_library<mimalloc_names, mimalloc> {
    static constexpr char const* name = "mimalloc";
};
struct jemalloc : from_library<jemalloc_names, jemalloc> {
    static constexpr char const* name = "jemalloc";
};
struct tcmalloc : from_library<tcmalloc_names, tcmalloc> {
    static constexpr char const* name = "tcmalloc";
};

/// TBB's aligned form has its own order of arguments and its own free, which its plain one understands as well.
inline constexpr names tbb_names{"libtbbmalloc.so.2", "libtbbmalloc2", "scalable_malloc", "scalable_aligned_malloc",
                                 "scalable_free"};
struct tbb : from_library<tbb_names, tbb> {
    static constexpr char const* name = "tbb";
    static void* allocate_aligned(std::size_t bytes, std::size_t align) {
        return functions.malloc_aligned(bytes, align);
    }
};

/// Calls `f.template operator()<M>()` for each of them.
template <class F>
void for_each(F&& f) {
    f.template operator()<mimalloc>();
    f.template operator()<jemalloc>();
    f.template operator()<tcmalloc>();
    f.template operator()<tbb>();
    f.template operator()<glibc>();
}

}  // namespace mallocs
