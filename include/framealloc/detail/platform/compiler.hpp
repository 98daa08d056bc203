// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

// What we ask of the compiler, g++ or clang, in one place.

#if defined(__SANITIZE_THREAD__)
#define FRAMEALLOC_THREAD_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define FRAMEALLOC_THREAD_SANITIZER 1
#endif
#endif
#ifndef FRAMEALLOC_THREAD_SANITIZER
#define FRAMEALLOC_THREAD_SANITIZER 0
#endif

#if defined(__SANITIZE_ADDRESS__)
#define FRAMEALLOC_ADDRESS_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define FRAMEALLOC_ADDRESS_SANITIZER 1
#endif
#endif
#ifndef FRAMEALLOC_ADDRESS_SANITIZER
#define FRAMEALLOC_ADDRESS_SANITIZER 0
#endif

// It is a part of the one above, and stands alone with -fsanitize=leak, of which g++ tells nobody: there it may be defined.
#if !defined(FRAMEALLOC_LEAK_SANITIZER) && defined(__has_feature)
#if __has_feature(leak_sanitizer)
#define FRAMEALLOC_LEAK_SANITIZER 1
#endif
#endif
#ifndef FRAMEALLOC_LEAK_SANITIZER
#define FRAMEALLOC_LEAK_SANITIZER FRAMEALLOC_ADDRESS_SANITIZER
#endif

// Valgrind is asked for, in every translation unit of a program: a request to it takes some instructions also where nobody
// listens.
#ifndef FRAMEALLOC_VALGRIND
#define FRAMEALLOC_VALGRIND 0
#endif

/// Whether one of the tools is there that can be told which memory is alive.
#define FRAMEALLOC_MEMORY_TOOL (FRAMEALLOC_ADDRESS_SANITIZER || FRAMEALLOC_VALGRIND)

#if defined(__cpp_exceptions)
#define FRAMEALLOC_EXCEPTIONS 1
#define FRAMEALLOC_TRY try
#define FRAMEALLOC_CATCH_ALL catch (...)
#define FRAMEALLOC_RETHROW throw
#else
#define FRAMEALLOC_EXCEPTIONS 0
#define FRAMEALLOC_TRY if (true)
#define FRAMEALLOC_CATCH_ALL else
#define FRAMEALLOC_RETHROW static_cast<void>(0)
#endif

/// The result, or the object made, refers to what this stands behind: clang warns where that ends first. g++ does not know
/// the attribute, and says so.
#if defined(__clang__)
#define FRAMEALLOC_LIFETIMEBOUND [[clang::lifetimebound]]
#else
#define FRAMEALLOC_LIFETIMEBOUND
#endif

/// A function that is hardly ever called: kept out of line, away from the hot code, so that the hot code needs no frame.
#define FRAMEALLOC_COLD [[gnu::cold, gnu::noinline]]

/// A function whose whole point is to become part of its caller.
#define FRAMEALLOC_HOT [[gnu::always_inline]] inline

/// The same for a lambda on a slow path: were it left out of line, its captures would be stored on the hot one.
#define FRAMEALLOC_INLINED __attribute__((always_inline))

/// The address of the instruction itself. Volatile, because two calls are two places.
#if defined(__x86_64__)
#define FRAMEALLOC_READ_PROGRAM_COUNTER(into) asm volatile("lea 0(%%rip), %0" : "=r"(into))
#elif defined(__aarch64__)
#define FRAMEALLOC_READ_PROGRAM_COUNTER(into) asm volatile("adr %0, ." : "=r"(into))
#else
#define FRAMEALLOC_READ_PROGRAM_COUNTER(into) (into) = __builtin_return_address(0)
#endif

/// Whether the code may become a part of a shared library.
#if defined(__PIC__) && !defined(__PIE__)
#define FRAMEALLOC_IN_SHARED_LIBRARY 1
#else
#define FRAMEALLOC_IN_SHARED_LIBRARY 0
#endif

// Position-independent code in a shared library would reach a thread-local variable by a call; initial-exec reaches it
// by one load. Programs, position-independent or not, get local-exec by themselves.
#if FRAMEALLOC_IN_SHARED_LIBRARY
#define FRAMEALLOC_TLS_MODEL [[gnu::tls_model("initial-exec")]]
#else
#define FRAMEALLOC_TLS_MODEL
#endif

namespace framealloc::inline v0_1::detail {

inline constexpr unsigned long cache_line_bytes = 64;

}  // namespace framealloc::detail
