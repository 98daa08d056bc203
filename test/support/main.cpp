// SPDX-License-Identifier: MIT OR Apache-2.0
#define BOOST_TEST_MODULE framealloc
#include "support/test.hpp"

// What Boost asks of programs without exceptions.
#include <framealloc/integration/boost_no_exceptions.hpp>

#if FRAMEALLOC_THREAD_SANITIZER
// What names code allocates, in the signal handler of the guarded level too; see docs/guarded.md. Tests that use up the
// system's mappings would be told so thousands of times.
extern "C" char const* __tsan_default_options();
extern "C" char const* __tsan_default_options() { return "report_signal_unsafe=0"; }
#endif
