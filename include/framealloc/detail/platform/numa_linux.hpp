// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

// The contract on nodes, on Linux: see numa.hpp. The system calls are made directly. What libnuma would add to them is
// a wrapper of one line each and a library to link, which a core of headers alone must not ask for.

#include <framealloc/detail/platform/numa_mask.hpp>

#include <fcntl.h>
#include <linux/mempolicy.h>
#include <sched.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstddef>

#if defined(__GLIBC_PREREQ)
#if __GLIBC_PREREQ(2, 29)
#define FRAMEALLOC_LIBC_HAS_GETCPU 1
#endif
#endif
#ifndef FRAMEALLOC_LIBC_HAS_GETCPU
#define FRAMEALLOC_LIBC_HAS_GETCPU 0
#endif

namespace framealloc::inline v0_1::detail::platform {

namespace linux_numa {

/// The kernel takes one off the number of bits before it uses it.
inline constexpr unsigned long mask_bits = numa_most_nodes + 1;

inline constexpr std::size_t text_bytes = 8192;  // 1024 distances of three digits, a list of 1024 nodes

/// The start of a small file, as text. False where it cannot be read.
inline bool read_text(char const* path, char (&text)[text_bytes]) noexcept {
    int const file = ::open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) return false;
    std::size_t bytes = 0;
    while (bytes < text_bytes - 1) {
        ssize_t const got = ::read(file, text + bytes, text_bytes - 1 - bytes);
        if (got <= 0) break;
        bytes += static_cast<std::size_t>(got);
    }
    ::close(file);
    text[bytes] = '\0';
    return bytes != 0;
}

inline bool bind(void* p, std::size_t bytes, unsigned long mode, numa_mask const& nodes) noexcept {
    return ::syscall(SYS_mbind, p, bytes, mode, nodes.words, mask_bits, 0U) == 0;
}

}  // namespace linux_numa

inline bool numa_usable_nodes(numa_mask& mask) noexcept {
    numa_mask allowed;
    unsigned long const flags = MPOL_F_MEMS_ALLOWED;
    if (::syscall(SYS_get_mempolicy, nullptr, allowed.words, linux_numa::mask_bits, nullptr, flags) == 0) {
        mask = allowed;
        return true;
    }
    // Containers refuse the call and show the machine: what is not allowed will be refused when it is bound.
    char text[linux_numa::text_bytes];
    numa_mask listed;
    if (!linux_numa::read_text("/sys/devices/system/node/has_memory", text)) return false;
    if (!numa_read_list(text, listed)) return false;
    mask = listed;
    return true;
}

inline unsigned numa_current_node() noexcept {
    unsigned cpu = 0, node = 0;
#if FRAMEALLOC_LIBC_HAS_GETCPU
    return ::getcpu(&cpu, &node) == 0 ? node : 0;  // does not enter the kernel
#else
    return ::syscall(SYS_getcpu, &cpu, &node, nullptr) == 0 ? node : 0;
#endif
}

template <class F>
void numa_distances(unsigned node, F&& f) noexcept {
    char text[linux_numa::text_bytes];
    numa_mask online;
    if (!linux_numa::read_text("/sys/devices/system/node/online", text) || !numa_read_list(text, online)) return;
    char path[64];
    ::snprintf(path, sizeof path, "/sys/devices/system/node/node%u/distance", node);
    if (linux_numa::read_text(path, text)) numa_read_distances(text, online, f);
}

inline bool numa_prefer(void* p, std::size_t bytes, numa_mask const& node) noexcept {
    return linux_numa::bind(p, bytes, MPOL_PREFERRED, node);
}
inline bool numa_interleave(void* p, std::size_t bytes, numa_mask const& nodes) noexcept {
    return linux_numa::bind(p, bytes, MPOL_INTERLEAVE, nodes);
}

inline int numa_node_of_page(void const* p) noexcept {
    // move_pages without a list of nodes moves nothing and tells where each page is.
    void* page = const_cast<void*>(p);
    int status = 0;
    if (::syscall(SYS_move_pages, 0, 1UL, &page, nullptr, &status, 0) != 0) return numa_not_told;
    return status >= 0 ? status : numa_no_page;
}

}  // namespace framealloc::detail::platform
