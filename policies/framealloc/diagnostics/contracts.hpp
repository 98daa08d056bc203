// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/diagnostics/none.hpp>

namespace framealloc::inline v0_1 {

namespace detail {
template <class A>
class contract_observer;  // framealloc/contracts.hpp
}

namespace diagnostics {

/// Diagnostics: keeps allocation contracts. What a thread requests inside a `no_allocation_scope` or an `allocation_budget` is
/// counted, and what the contract does not allow is reported (FA220). Wants the header framealloc/contracts.hpp.
///
/// Choose it for tests, or in a composition; `checked` keeps contracts by itself.
///
///   Cost      A load of a thread-local pointer and a branch per request, outside all contracts; inside, O(those open).
///   Threads   Each thread has its own contracts.
///   Failure   A breach goes to the fault handler, before anything is allocated. A handler that throws refuses the request.
///   Lifetime  Stateless.
struct contracts : none {
    template <class A>
    using observer = detail::contract_observer<A>;
};

}  // namespace diagnostics
}  // namespace framealloc
