// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <stdexcept>

#include <fcntl.h>
#include <unistd.h>

/// Bytes of anonymous memory that the process has in RAM, by the kernel's walk through its page tables: exact to the page, and
/// without the code that is paged in as it runs. Allocates nothing. Takes some hundred microseconds.
[[nodiscard]] inline std::size_t resident_bytes() {
    static char const file[] = "/proc/self/smaps_rollup";
    int const opened = ::open(file, O_RDONLY | O_CLOEXEC);
    if (opened < 0) throw std::runtime_error("cannot open /proc/self/smaps_rollup: Linux 4.14 or newer has it");
    char text[4096];
    std::size_t length = 0;
    while (length < sizeof text - 1) {
        ssize_t const n = ::read(opened, text + length, sizeof text - 1 - length);
        if (n <= 0) break;
        length += static_cast<std::size_t>(n);
    }
    ::close(opened);
    text[length] = '\0';
    char const* const line = std::strstr(text, "\nAnonymous:");
    if (line == nullptr) throw std::runtime_error("/proc/self/smaps_rollup has no line `Anonymous:`");
    return std::strtoull(line + sizeof "\nAnonymous:" - 1, nullptr, 10) * 1024;
}
