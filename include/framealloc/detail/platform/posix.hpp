// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

// The platform contract on POSIX systems. See platform.hpp for what each function promises.

#include <framealloc/detail/bits.hpp>
#include <framealloc/detail/platform/compiler.hpp>

#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>
#include <time.h>

// In C++ <stdlib.h>, <malloc.h> and <unistd.h> are hundreds of lines each, for a function or two of them.
#if defined(__GLIBC__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wredundant-decls"
extern "C" {
void* memalign(std::size_t align, std::size_t bytes) noexcept;
char* getenv(char const* name) noexcept;
int getpagesize() noexcept;
std::ptrdiff_t write(int file, void const* from, std::size_t bytes);
}
#pragma GCC diagnostic pop
#else
#include <stdlib.h>
#include <unistd.h>
#endif

namespace framealloc::inline v0_1::detail::platform {

inline std::size_t page_bytes() noexcept { return static_cast<std::size_t>(::getpagesize()); }

inline void* map_without_access(void* at, std::size_t bytes, int more_flags) noexcept {
    // Without MAP_NORESERVE, so that `commit` is charged and can fail, instead of the process being killed later.
    void* const p = ::mmap(at, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | more_flags, -1, 0);
    return p == MAP_FAILED ? nullptr : p;
}

inline bool release(void* p, std::size_t bytes) noexcept { return ::munmap(p, bytes) == 0; }

inline void* reserve(std::size_t bytes, std::size_t align) noexcept {
    if (align <= page_bytes()) return map_without_access(nullptr, bytes, 0);
    if (bytes > SIZE_MAX - align) return nullptr;
    void* const wide = map_without_access(nullptr, bytes + align, 0);
    if (wide == nullptr) return nullptr;
    std::uintptr_t const begin = address_of(wide);
    std::uintptr_t const aligned = round_up(begin, align);
    std::size_t const before = aligned - begin;
    if (before != 0) ::munmap(wide, before);
    if (align != before) ::munmap(pointer_to<void>(aligned + bytes), align - before);
    return pointer_to<void>(aligned);
}

inline bool commit(void* p, std::size_t bytes) noexcept { return ::mprotect(p, bytes, PROT_READ | PROT_WRITE) == 0; }

inline bool forbid(void* p, std::size_t bytes) noexcept { return ::mprotect(p, bytes, PROT_NONE) == 0; }

inline bool decommit(void* p, std::size_t bytes) noexcept {
    // A fresh mapping in the same place drops the pages and what was charged for them in one call.
    return map_without_access(p, bytes, MAP_FIXED) != nullptr;
}

inline bool discard(void* p, std::size_t bytes) noexcept { return ::madvise(p, bytes, MADV_DONTNEED) == 0; }

inline bool prefer_huge_pages([[maybe_unused]] void* p, [[maybe_unused]] std::size_t bytes) noexcept {
#if defined(MADV_HUGEPAGE)
    return ::madvise(p, bytes, MADV_HUGEPAGE) == 0;
#else
    return false;
#endif
}

inline void* block(std::size_t bytes, std::size_t align) noexcept {
    if (align <= alignof(std::max_align_t)) return __builtin_malloc(bytes);
#if defined(__GLIBC__)
    return ::memalign(align, bytes);
#else
    void* p = nullptr;
    return ::posix_memalign(&p, align, bytes) == 0 ? p : nullptr;
#endif
}
inline void release_block(void* p) noexcept { __builtin_free(p); }

class mutex {
public:
    constexpr mutex() noexcept = default;
    mutex(mutex const&) = delete;
    mutex& operator=(mutex const&) = delete;
    void lock() noexcept { ::pthread_mutex_lock(&handle_); }
    void unlock() noexcept { ::pthread_mutex_unlock(&handle_); }
    [[nodiscard]] bool try_lock() noexcept { return ::pthread_mutex_trylock(&handle_) == 0; }

private:
    pthread_mutex_t handle_ = PTHREAD_MUTEX_INITIALIZER;
};

namespace posix {

/// Runs at the end of a thread. Hidden, so that each program and each shared library has its own.
[[gnu::visibility("hidden")]] inline void run_thread_exit(void* hook) { reinterpret_cast<void (*)()>(hook)(); }

/// One object may serve several shared libraries, as the dynamic linker decides. The code that the system is told to call
/// is that of the library the object lies in: the two come and go together. (The compiler's own copy, in whichever library
/// comes first, might be unloaded while the key lives, and the next thread that ends would run into nothing.)
struct thread_exit {
    pthread_key_t key{};
    bool made = false;
    bool over = false;  ///< the library is being unloaded, or the process is ending
    void (*run)(void*) = &run_thread_exit;
};
inline constinit thread_exit at_thread_exit{};

#if FRAMEALLOC_IN_SHARED_LIBRARY
/// When the library that the key's code lies in is unloaded, after all destructors of its static objects, which priority
/// 101 stands for: no thread that ends later may call what is not there any more.
[[gnu::destructor(101), maybe_unused]] static void forget_thread_exit() {
    if (at_thread_exit.run != &run_thread_exit || at_thread_exit.over) return;  // another library's, or done already
    at_thread_exit.over = true;
    if (at_thread_exit.made) ::pthread_key_delete(at_thread_exit.key);
}
#endif

}  // namespace posix

inline bool call_at_thread_exit(void (*hook)()) noexcept {
    // A key's destructor runs after all thread_local destructors of the thread, which a thread_local object of ours
    // could not promise, and runs again when it has been set anew meanwhile.
    posix::thread_exit& exit = posix::at_thread_exit;
    if (exit.over) return true;  // threads that come at the end of the process are not waited for
    if (!exit.made) exit.made = ::pthread_key_create(&exit.key, exit.run) == 0;
    return exit.made && ::pthread_setspecific(exit.key, reinterpret_cast<void*>(hook)) == 0;
}

inline void call_around_fork(void (*before)(), void (*in_parent)(), void (*in_child)()) noexcept {
    ::pthread_atfork(before, in_parent, in_child);
}

inline unsigned long long monotonic_nanoseconds() noexcept {
    ::timespec now{};
    ::clock_gettime(CLOCK_MONOTONIC, &now);
    return static_cast<unsigned long long>(now.tv_sec) * 1'000'000'000 + static_cast<unsigned long long>(now.tv_nsec);
}

inline void thread_name(char* to, std::size_t bytes) noexcept {
    if (::pthread_getname_np(::pthread_self(), to, bytes) != 0) *to = '\0';
}

inline char const* environment_value(char const* name) noexcept { return ::getenv(name); }

inline void yield() noexcept { ::sched_yield(); }

inline void write_error(char const* text, std::size_t bytes) noexcept {
    while (bytes > 0) {
        std::ptrdiff_t const written = ::write(2, text, bytes);
        if (written <= 0) return;
        text += written;
        bytes -= static_cast<std::size_t>(written);
    }
}

[[noreturn]] inline void stop() noexcept { __builtin_abort(); }

}  // namespace framealloc::detail::platform
