// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

// The contract with the operating system on what a thread is called: a part of platform.hpp's, in a room of its own because
// the core does not need it. The same rules hold: `noexcept`, allocates nothing from us.
//
//   system_thread_id()               the number that the system shows of the calling thread
//   is_main_thread()                 whether the calling thread is the process's first; after a fork, in the child, the one
//                                    that called it

#include <pthread.h>
#include <unistd.h>

#if defined(__linux__)
#include <sys/syscall.h>
#endif

namespace framealloc::inline v0_1::detail::platform {

inline unsigned long long system_thread_id() noexcept {
#if defined(__linux__)
    return static_cast<unsigned long long>(::syscall(SYS_gettid));
#elif defined(__APPLE__)
    return ::pthread_mach_thread_np(::pthread_self());
#else
    return reinterpret_cast<unsigned long long>(::pthread_self());
#endif
}

inline bool is_main_thread() noexcept {
#if defined(__APPLE__)
    return ::pthread_main_np() != 0;
#else
    return system_thread_id() == static_cast<unsigned long long>(::getpid());
#endif
}

}  // namespace framealloc::detail::platform
