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
/// On top of counting: an exhausted arena is reported (FA003); released bytes are filled with 0xCD, those of frames,
/// scopes and roll-backs (only what was used), of pool blocks and of heap blocks; a pool block freed twice (FA210), a
/// pointer that is not ours (FA211) and a size that does not match (FA212) are found at the free that is wrong. Allocation
/// contracts are kept (FA220), as by `contracts`.
///
///   Cost      One bit test per pool operation, and a fill of what is released: `end_frame` is O(bytes used).
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
