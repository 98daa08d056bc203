// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <valgrind/callgrind.h>

#include <cstddef>
#include <string>

// How instructions are counted: callgrind's counters are set to zero in front of what is measured and written out behind
// it, under a name that tools/instructions.sh reads.
//
// A loop is run with two lengths. The difference of the two counts, divided by the difference of the lengths, is what one
// turn costs: everything around the loop has gone. Less the turn of an empty loop, it is what the operation costs.

namespace measure {

inline constexpr std::size_t few = 1'000;
inline constexpr std::size_t many = 5'000;

/// Makes the compiler believe that `p` is used and that all memory may have changed: nothing is hoisted or left out.
[[gnu::always_inline]] inline void use(void const* p) { asm volatile("" : : "r"(p) : "memory"); }

/// The same after a free, when there is no pointer left to show.
[[gnu::always_inline]] inline void forget() { asm volatile("" : : : "memory"); }

/// Not inlined, so that each loop stands alone and holds its context in a register, as a function of a program does. The
/// step has no captures: they would be memory that the loop reads.
template <class Context, class Step>
[[gnu::noinline]] void repeat(std::size_t turns, Context& context, Step step) {
    for (; turns != 0; --turns) step(context);
}

/// Counts `run(turns)` with both lengths; `prepare()` brings about the steady state and is not counted.
template <class Prepare, class Run, class Tidy>
void both_lengths(char const* name, Prepare prepare, Run run, Tidy tidy) {
    for (std::size_t const turns : {few, many}) {
        prepare();
        std::string const title = name + (" " + std::to_string(turns));
        CALLGRIND_ZERO_STATS;
        run(turns);
        CALLGRIND_DUMP_STATS_AT(title.c_str());
        tidy();
    }
}

/// Counts one call, as it is.
template <class Run>
void one_call(char const* name, Run run) {
    std::string const title = name + std::string(" 1");
    CALLGRIND_ZERO_STATS;
    run();
    CALLGRIND_DUMP_STATS_AT(title.c_str());
}

}  // namespace measure
