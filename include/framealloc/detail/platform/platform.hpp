// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

// The one contract with the operating system. Every function below is `noexcept`, allocates nothing from us, and may be
// called before `main` and after it. No other header has an #ifdef for a system.
//
//   page_bytes()                     bytes in a page, a power of two
//   reserve(bytes, align)            address space without memory; null when there is none. `bytes` is a multiple of the
//                                    page, `align` a power of two. Touching it before `commit` is a fault.
//   commit(p, bytes)                 memory for whole pages of a reservation, zeroed on first use. False: exhausted, and
//                                    nothing has changed. This is where exhaustion is seen.
//   decommit(p, bytes)               gives the memory of whole pages back and keeps the addresses. False: unchanged.
//   forbid(p, bytes)                 whole committed pages cannot be touched, and keep their contents, until `commit`. False:
//                                    unchanged.
//   discard(p, bytes)                lets the contents of whole committed pages go, and their memory; they stay committed and
//                                    read as zero next. False: unchanged.
//   prefer_huge_pages(p, bytes)      says that a reservation is best served in huge pages. False: it will not be.
//   release(p, bytes)                ends a reservation, whole. False: it is still there.
//   block(bytes, align)              memory from the system's own heap; null when there is none
//   release_block(p)                 gives it back
//   mutex                            lock, unlock, try_lock; constant-initialised, trivially destructible
//   call_at_thread_exit(hook)        `hook()` runs once when the calling thread ends, after the destructors of its
//                                    thread_local objects; may be called again, from the hook too. False: refused. The
//                                    caller sees to it that one thread at a time is in here, and that the hook's code
//                                    stays as long as our data: it may lie in another shared library than the caller.
//   call_around_fork(b, p, c)        before fork, and after it in the parent and in the child, until the shared library that
//                                    makes the call is unloaded
//   monotonic_nanoseconds()          since some moment in the past, the same for all threads; never less than before
//   thread_name(to, bytes)           writes what the system calls the calling thread, and a zero; 16 bytes are enough for any
//   environment_value(name)          what the environment says under a name; null where it says nothing
//   yield()                          lets another thread run
//   write_error(text, bytes)         to standard error, in one write where the system can
//   stop()                           ends the program abnormally, so that a debugger or a core file shows the place

#if defined(__unix__) || defined(__APPLE__)
#include <framealloc/detail/platform/posix.hpp>
#else
#error "framealloc: this system has no platform header; write detail/platform/<system>.hpp to the contract above"
#endif
