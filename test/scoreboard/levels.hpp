// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include "misuse.hpp"

#include <framealloc/budget/per_tag.hpp>
#include <framealloc/diagnostics/counters.hpp>
#include <framealloc/smart_alloc_guarded.hpp>
#include <framealloc/smart_alloc_hardened.hpp>
#include <framealloc/tag_budgets.hpp>

// The levels that are scored: a name, the level whose expectations hold where a misuse has none for this one, and the assembly.
// A new level is a line, and a word for each misuse that it treats in another way. With a sanitizer or under Valgrind, that is
// what finds; our own levels are scored without.
#if FRAMEALLOC_ADDRESS_SANITIZER || FRAMEALLOC_VALGRIND
#define FRAMEALLOC_SCOREBOARD_LEVELS(level) level("release", "release", smart_alloc)
#else
#define FRAMEALLOC_SCOREBOARD_LEVELS(level)                                                         \
    level("release", "release", smart_alloc)                                                        \
    level("counters", "release", basic_smart_alloc<diagnostics::counters>)                          \
    level("hardened", "release", smart_alloc_hardened)                                              \
    level("checked", "checked", smart_alloc_debug)                                                  \
    level("checked, tags", "checked", basic_smart_alloc<diagnostics::checked, budget::per_tag>)     \
    level("guarded", "checked", smart_alloc_guarded)                                                \
    level("guarded, tags", "guarded", basic_smart_alloc<diagnostics::guarded, budget::per_tag>)
#endif
