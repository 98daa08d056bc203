// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/detail/bits.hpp>

#include <cstdio>
#include <cstring>

#include <pthread.h>

// What the system says of an address: only reports come here.

namespace framealloc::inline v0_1::detail::platform {

enum class mapping_kind : unsigned char {
    none,   ///< nothing is there
    stack,  ///< the calling thread's stack, or the first thread's
    file,   ///< a program, a library, or another file
    other,
};

#if defined(__linux__)

[[nodiscard]] inline mapping_kind kind_of_mapping(void const* address) noexcept {
    std::uintptr_t const wanted = address_of(address);
    ::pthread_attr_t attributes;
    if (::pthread_getattr_np(::pthread_self(), &attributes) == 0) {
        void* begin = nullptr;
        std::size_t bytes = 0;
        bool const told = ::pthread_attr_getstack(&attributes, &begin, &bytes) == 0;
        ::pthread_attr_destroy(&attributes);
        if (told && wanted - address_of(begin) < bytes) return mapping_kind::stack;
    }
    mapping_kind found = mapping_kind::none;
    if (std::FILE* const maps = std::fopen("/proc/self/maps", "r")) {
        char line[512];
        while (found == mapping_kind::none && std::fgets(line, sizeof line, maps) != nullptr) {
            unsigned long long begin = 0, end = 0;
            int name = 0;
            if (std::sscanf(line, "%llx-%llx %*s %*s %*s %*s %n", &begin, &end, &name) < 2) continue;
            if (wanted < begin || wanted >= end) continue;
            found = name != 0 && line[name] == '/'                             ? mapping_kind::file
                    : name != 0 && std::strncmp(line + name, "[stack", 6) == 0 ? mapping_kind::stack
                                                                               : mapping_kind::other;
        }
        std::fclose(maps);
    }
    return found;
}

#else

[[nodiscard]] inline mapping_kind kind_of_mapping(void const*) noexcept { return mapping_kind::other; }

#endif

}  // namespace framealloc::detail::platform
