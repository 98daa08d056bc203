// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

// Allocation contracts: `no_allocation_scope` and `allocation_budget`, and the diagnostics that keep them.

#include <framealloc/allocation_budget.hpp>
#include <framealloc/detail/contract_observer.hpp>
#include <framealloc/diagnostics/compose.hpp>
#include <framealloc/diagnostics/contracts.hpp>
#include <framealloc/smart_alloc.hpp>
