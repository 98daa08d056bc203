// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

/// The same pointer, which may be any other as far as the compiler knows, behind which all memory may have changed.
[[gnu::always_inline]] inline void* opaque(void* p) {
    asm volatile("" : "+r"(p) : : "memory");
    return p;
}
