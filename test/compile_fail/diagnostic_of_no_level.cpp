// expect: fatal
// SPDX-License-Identifier: MIT OR Apache-2.0
#include <framealloc/diagnostics/macros.hpp>

void report() {
#ifdef FRAMEALLOC_CORRECT
    FA_DIAGNOSTIC(error, .code = "GAME001", .message = "level without a floor");
#else
    FA_DIAGNOSTIC(fatal, .code = "GAME001", .message = "level without a floor");
#endif
}
