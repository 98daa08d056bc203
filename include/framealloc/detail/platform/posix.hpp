// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

// The platform contract on POSIX systems. See platform.hpp for what each function promises.

#include <framealloc/detail/bits.hpp>
#include <framealloc/detail/platform/compiler.hpp>

#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

namespace framealloc::detail::platform {

inline std::size_t page_bytes() noexcept { return static_cast<std::size_t>(::sysconf(_SC_PAGESIZE)); }

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
    if (align <= alignof(std::max_align_t)) return ::malloc(bytes);
    void* p = nullptr;
    return ::posix_memalign(&p, align, bytes) == 0 ? p : nullptr;
}
inline void release_block(void* p) noexcept { ::free(p); }

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

inline constinit pthread_key_t thread_exit_key{};
inline constinit bool thread_exit_key_made = false;

}  // namespace posix

inline bool call_at_thread_exit(void (*hook)()) noexcept {
    // A key's destructor runs after all thread_local destructors of the thread, which a thread_local object of ours
    // could not promise, and runs again when it has been set anew meanwhile.
    if (!posix::thread_exit_key_made) {
        posix::thread_exit_key_made = ::pthread_key_create(&posix::thread_exit_key, [](void* stored) {
            reinterpret_cast<void (*)()>(stored)();
        }) == 0;
    }
    return posix::thread_exit_key_made &&
           ::pthread_setspecific(posix::thread_exit_key, reinterpret_cast<void*>(hook)) == 0;
}

inline void call_around_fork(void (*before)(), void (*in_parent)(), void (*in_child)()) noexcept {
    ::pthread_atfork(before, in_parent, in_child);
}

inline void yield() noexcept { ::sched_yield(); }

inline void write_error(char const* text, std::size_t bytes) noexcept {
    while (bytes > 0) {
        ssize_t const written = ::write(STDERR_FILENO, text, bytes);
        if (written <= 0) return;
        text += written;
        bytes -= static_cast<std::size_t>(written);
    }
}

[[noreturn]] inline void stop() noexcept { ::abort(); }

}  // namespace framealloc::detail::platform
