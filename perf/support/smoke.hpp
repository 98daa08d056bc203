// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <cstddef>
#include <cstdlib>

/// Workloads of a fixed size are this much smaller where FRAMEALLOC_PERF_SMOKE is set: they show that they run, and nothing
/// else. Their figures are then not comparable with anything.
[[nodiscard]] inline std::size_t work(std::size_t amount, std::size_t in_smoke_run) {
    static bool const smoke = std::getenv("FRAMEALLOC_PERF_SMOKE") != nullptr;
    return smoke ? in_smoke_run : amount;
}
