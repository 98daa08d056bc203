// expect: framealloc_has_no_such_code
// SPDX-License-Identifier: MIT OR Apache-2.0
#include <framealloc/diagnostics/macros.hpp>

void report() {
#ifdef FRAMEALLOC_CORRECT
    FA_EMIT(FA001);
    FA_EMIT_CTX(FA102);
    FA_ASSERT(true, FA401);
#else
    FA_EMIT(FA777);
#endif
}
