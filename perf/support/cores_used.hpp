// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <chrono>
#include <ctime>

/// How many cores the process has had since this was made: below the number of its threads, other programs were running, or
/// the threads took turns instead of meeting, and a figure for threads at once is not one.
class cores_used {
    using clock = std::chrono::steady_clock;

public:
    [[nodiscard]] double so_far() const {
        double const wall = std::chrono::duration<double>(clock::now() - begin_).count();
        return wall > 0 ? (cpu_seconds() - cpu_begin_) / wall : 0;
    }

private:
    [[nodiscard]] static double cpu_seconds() {
        std::timespec now{};
        ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
        return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
    }
    clock::time_point begin_ = clock::now();
    double cpu_begin_ = cpu_seconds();
};
