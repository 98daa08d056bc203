// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

// Contracts on the global `operator new`: include this in one translation unit of a program, which has the program's own
// operators then. They take memory from `malloc` as the library's do, and count each request in the contracts of the thread,
// with the place that called them. A breach is reported before anything is allocated.
//
//   Cost      A load of a thread-local pointer and a branch more than the library's.
//   Failure   `std::bad_alloc` after the new handlers, as the standard has it; without exceptions the program ends.

#include <framealloc/testing/detail/global_new.hpp>
