// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#if defined(__linux__)
#include <cerrno>

#include <sys/uio.h>
#include <unistd.h>
#endif

namespace framealloc::inline v0_1::detail::platform {

/// Whether the byte at `p` can be read, by asking the system; true where it does not say.
[[nodiscard]] inline bool is_readable(void const* p) noexcept {
#if defined(__linux__)
    int const before = errno;
    char seen;
    ::iovec const to{&seen, 1}, from{const_cast<void*>(p), 1};
    bool const readable = ::process_vm_readv(::getpid(), &to, 1, &from, 1, 0) == 1 || errno != EFAULT;
    errno = before;
    return readable;
#else
    return p != nullptr;
#endif
}

}  // namespace framealloc::detail::platform
