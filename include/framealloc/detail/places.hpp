// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/detail/platform/code_address.hpp>
#include <framealloc/fault.hpp>

// Addresses in the code, as a person reads them: only reports come here.

/// Names the code at an address: function, file and line as far as they are known. The compiled part of the library has it;
/// weak, so that a program of headers alone links without it.
extern "C" [[gnu::weak]] std::size_t framealloc_name_of_code(void const* address, char* to, std::size_t size) noexcept;

namespace framealloc::inline v0_1::detail {

/// Writes what is known of the code at `address`, terminated; answers the bytes written.
FRAMEALLOC_COLD inline std::size_t write_code(void const* address, char* to, std::size_t size) noexcept {
    if (&framealloc_name_of_code != nullptr) {
        if (std::size_t const n = framealloc_name_of_code(address, to, size); n != 0) return n;
    }
    return platform::write_code_address(address, to, size);
}

/// The lines of a report that say where.
FRAMEALLOC_COLD inline void write_fault_places(fault_sites const& f, char* to, std::size_t size, char const* freed,
                                               char const* allocated = "allocated at") noexcept {
    std::size_t used = 0;
    to[0] = '\0';
    auto const line = [&](char const* what, void const* address) {
        if (address == nullptr) return;
        char where[192];
        static_cast<void>(write_code(address, where, sizeof where));
        int const n = __builtin_snprintf(to + used, size - used, "  %s: %s\n", what, where);
        if (n > 0 && static_cast<std::size_t>(n) < size - used) used += static_cast<std::size_t>(n);
        to[used] = '\0';
    };
    line("at", f.mistake_at);
    line(allocated, f.allocated_at);
    line(freed, f.freed_at);
}

/// The same for a block that is freed, in the form that a fault carries.
inline void write_places_of_block(fault_sites const& f, char* to, std::size_t size) noexcept {
    write_fault_places(f, to, size, "freed at");
}

}  // namespace framealloc::detail
