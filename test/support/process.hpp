// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

// What tests of threads and memory need to know of the process and of the build.

#include <framealloc/detail/platform/compiler.hpp>

#include <unistd.h>

#include <cstddef>
#include <cstdio>
#include <thread>
#include <utility>
#include <vector>

namespace framealloc::test {

inline constexpr bool under_thread_sanitizer = FRAMEALLOC_THREAD_SANITIZER != 0;
/// Sanitizers keep memory of their own, and cost several times the time: figures of the whole process mean nothing
/// then, and fewer repetitions have to do.
inline constexpr bool under_sanitizer = under_thread_sanitizer || FRAMEALLOC_ADDRESS_SANITIZER != 0;

/// `full` repetitions, or `reduced` under a sanitizer.
[[nodiscard]] constexpr std::size_t repetitions(std::size_t full, std::size_t reduced) {
    return under_sanitizer ? reduced : full;
}

/// Bytes of physical memory that the process has now, or 0 where the system does not tell.
[[nodiscard]] inline std::size_t resident_bytes() {
    std::FILE* const file = std::fopen("/proc/self/statm", "r");
    if (file == nullptr) return 0;
    unsigned long whole = 0, resident = 0;
    int const read = std::fscanf(file, "%lu %lu", &whole, &resident);
    std::fclose(file);
    return read == 2 ? resident * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE)) : 0;
}

/// Bytes of anonymous memory that the process has in RAM, by the kernel's walk through its page tables: exact to the page,
/// where the sums behind `resident_bytes` are kept per thread or core and lag behind. 0 where the system does not tell.
[[nodiscard]] inline std::size_t anonymous_resident_bytes() {
    std::FILE* const file = std::fopen("/proc/self/smaps_rollup", "r");
    if (file == nullptr) return 0;
    char line[256];
    unsigned long long kib = 0;
    while (std::fgets(line, sizeof line, file) != nullptr && std::sscanf(line, "Anonymous: %llu", &kib) != 1) {}
    std::fclose(file);
    return static_cast<std::size_t>(kib) * 1024;
}

/// Whether the program could read the byte at `p`: the system looks, and nothing happens to the program if it could not.
[[nodiscard]] inline bool can_be_read(void const* p) {
    int ends[2];
    if (::pipe(ends) != 0) return false;
    bool const could = ::write(ends[1], p, 1) == 1;
    ::close(ends[0]);
    ::close(ends[1]);
    return could;
}

/// Runs `body(i)` on `count` threads at once and waits for all of them.
template <class F>
void on_threads(std::size_t count, F&& body) {
    std::vector<std::thread> threads;
    threads.reserve(count);
    for (std::size_t i = 0; i < count; ++i) threads.emplace_back([&body, i] { body(i); });
    for (std::thread& t : threads) t.join();
}

/// Runs `body()` on a thread of its own and waits for it.
template <class F>
void on_a_thread(F&& body) {
    std::thread{std::forward<F>(body)}.join();
}

}  // namespace framealloc::test
