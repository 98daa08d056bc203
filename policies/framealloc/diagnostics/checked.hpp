// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/monotonic_clock.hpp>
#include <framealloc/operation_counters.hpp>
#include <framealloc/policy.hpp>

namespace framealloc::inline v0_1 {

namespace detail {
template <class A>
class contract_observer;  // framealloc/contracts.hpp
}

namespace diagnostics {

/// Diagnostics: finds mistakes, names them and stops. The default of debug builds.
///
/// On top of counting: each block and each object of a frame has a record of who allocated it where, and a canary behind it,
/// so that writes beside it are found (FA214, FA215) and every report names the places; frees are checked (FA201, FA210 to
/// FA212, FA217, FA218); what is released is filled with 0xCD, and what was written to since is found when it is given out
/// again (FA213, FA002); what magazines hold is sealed (FA221); what is alive at the instance's end is named (FA216), and so
/// is who still uses it (FA219). Allocation contracts are kept (FA220), as by `contracts`.
///
///   Cost      48 bytes and more per block and object; some 480 instructions per pair of pool operations, some twelve and a
///             look at its bytes per frame request, and `end_frame` is O(requests + bytes used).
///   Threads   As `counters`; the state bits are atomic, so a block freed by two threads at once is found by one of them.
///   Failure   Reports through the fault handler, which stops the program unless it was replaced.
///   Lifetime  As `counters`.
template <class Clock = monotonic_clock>
struct basic_checked {
    using family = diagnostics_family;
    using clock = Clock;

    static constexpr bool counts_operations = true;
    static constexpr bool checks_blocks = true;
    static constexpr bool fills_released = true;
    static constexpr bool stops_on_misuse = true;
    static constexpr bool keeps_records = true;
    static constexpr bool seals_blocks = true;

    using thread_part = operation_counters;
    template <class A>
    using observer = detail::contract_observer<A>;
};

/// The same by the system's clock.
struct checked : basic_checked<> {};

}  // namespace diagnostics
}  // namespace framealloc
