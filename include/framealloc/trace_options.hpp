// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <cstddef>

namespace framealloc::inline v0_1 {

/// Which allocations a trace writes the stack of down. The call site is always known.
enum class stack_capture : unsigned char {
    never,
    always,
    sampled,  ///< one in each `trace_options::sample_bytes` bytes
};
/// How a trace reads a stack.
enum class stack_walk : unsigned char {
    unwind,          ///< by the tables that exceptions are thrown by: always right, about a microsecond
    frame_pointers,  ///< some nanoseconds per frame; for programs compiled with -fno-omit-frame-pointer
};
/// How a trace looks at what it writes down.
struct trace_options {
    stack_capture stacks = stack_capture::always;
    stack_walk walk = stack_walk::unwind;
    /// Bytes between two stacks, on average, where they are `sampled`.
    std::size_t sample_bytes = std::size_t{64} << 10;
    /// Most return addresses of a stack, innermost first.
    std::size_t depth = 16;
};

}  // namespace framealloc
