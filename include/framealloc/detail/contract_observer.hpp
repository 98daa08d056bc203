// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/allocation_budget.hpp>
#include <framealloc/observer.hpp>

namespace framealloc::inline v0_1::detail {

/// The observer that keeps allocation contracts.
template <class A>
class contract_observer {
public:
    FRAMEALLOC_HOT void on_request(observed_caller<A>, layout asked, allocation_intent intent, call_site at) {
        if (innermost_contract != nullptr) [[unlikely]]
            count_request(1, asked.bytes, intent, at.address);
    }
    /// More bytes, and no new allocation.
    void on_extend(observed_caller<A>, void*, std::size_t old_bytes, std::size_t new_bytes, call_site at) noexcept {
        if (innermost_contract != nullptr && new_bytes > old_bytes) [[unlikely]]
            count_request(0, new_bytes - old_bytes, allocation_intent::frame, at.address);
    }
};

}  // namespace framealloc::detail
