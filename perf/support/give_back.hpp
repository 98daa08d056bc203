// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include "mallocs.hpp"

#include <cstddef>
#include <stdexcept>
#include <string>

#include <malloc.h>

// What a program does that wants to give memory back, by allocator: each is asked by its own call, and hands over what the
// calling thread has cached before, where there is a call for it.

namespace give_back {

template <class Function>
[[nodiscard]] Function* find(mallocs::names const& where, char const* name) {
    void* const library = ::dlopen(where.library, RTLD_NOW | RTLD_NOLOAD);
    void* const found = library != nullptr ? ::dlsym(library, name) : nullptr;
    if (found == nullptr) throw std::runtime_error(std::string{where.library} + " has no " + name);
    return reinterpret_cast<Function*>(found);
}

template <class Malloc>
void all();

template <>
inline void all<mallocs::glibc>() {
    ::malloc_trim(0);
}
template <>
inline void all<mallocs::mimalloc>() {
    find<void(bool)>(mallocs::mimalloc_names, "mi_collect")(true);
}
template <>
inline void all<mallocs::jemalloc>() {
    auto* const control =
        find<int(char const*, void*, std::size_t*, void*, std::size_t)>(mallocs::jemalloc_names, "mallctl");
    control("thread.tcache.flush", nullptr, nullptr, nullptr, 0);
    // 4096 stands for all arenas (MALLCTL_ARENAS_ALL).
    if (control("arena.4096.purge", nullptr, nullptr, nullptr, 0) != 0) {
        throw std::runtime_error("jemalloc refuses arena.4096.purge");
    }
}
template <>
inline void all<mallocs::tcmalloc>() {
    find<void()>(mallocs::tcmalloc_names, "MallocExtension_MarkThreadIdle")();
    find<void()>(mallocs::tcmalloc_names, "MallocExtension_ReleaseFreeMemory")();
}
template <>
inline void all<mallocs::tbb>() {
    constexpr int clean_all_buffers = 0;  // TBBMALLOC_CLEAN_ALL_BUFFERS
    find<int(int, void*)>(mallocs::tbb_names, "scalable_allocation_command")(clean_all_buffers, nullptr);
}

}  // namespace give_back
