// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/detail/trace_observer.hpp>
#include <framealloc/diagnostics/compose.hpp>
#include <framealloc/diagnostics/trace.hpp>
#include <framealloc/smart_alloc.hpp>

namespace framealloc::inline v0_1 {
namespace detail {

/// What an allocator whose diagnostics trace can be asked.
template <class Self, class A, class Policy>
struct trace_verbs {
    /// The live pool and heap blocks that `query` takes for leaked, grouped by call site, and how each site's number has
    /// grown since the last call. O(live allocations), and a lock at a time for a part of the table; names are found when the
    /// report is written. Any thread.
    [[nodiscard]] leak_report find_leaks(leak_query const& query = {}) { return trace().find_leaks(query); }
    /// Everything that is alive, frame objects too, the oldest first. O(n log n) in their number. Any thread.
    [[nodiscard]] std::vector<live_allocation> live_allocations() { return trace().live_allocations(); }
    /// What the trace has written down so far. Exact when the threads are at rest.
    [[nodiscard]] framealloc::trace_figures trace_figures() noexcept { return trace().figures(); }

private:
    [[nodiscard]] auto& trace() noexcept {
        return find_observer<trace_observer<A, Policy>>(static_cast<Self&>(*this).shared().observer());
    }
};

}  // namespace detail
}  // namespace framealloc
