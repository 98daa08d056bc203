// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/detail/bits.hpp>
#include <framealloc/detail/platform/compiler.hpp>

#include <dlfcn.h>

namespace framealloc::inline v0_1::detail::platform {

/// The module that code lies in, and how far: what every tool that knows the module can go on from. Terminated; answers the
/// bytes written.
FRAMEALLOC_COLD inline std::size_t write_code_address(void const* address, char* to, std::size_t size) noexcept {
    ::Dl_info info{};
    int const found = ::dladdr(address, &info);
    char const* const module = found != 0 && info.dli_fname != nullptr ? info.dli_fname : "?";
    std::uintptr_t const base = found != 0 ? address_of(info.dli_fbase) : 0;
    char const* const function = found != 0 && info.dli_sname != nullptr ? info.dli_sname : "";
    int const n = __builtin_snprintf(to, size, "%s%s(%s+0x%llx)", function, *function != '\0' ? " " : "", module,
                                     static_cast<unsigned long long>(address_of(address) - base));
    auto const length = static_cast<std::size_t>(n < 0 ? 0 : n);
    return length < size ? length : size - 1;
}

}  // namespace framealloc::detail::platform
