// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include "support/child.hpp"

#include <cstdlib>

namespace framealloc::test {

/// Runs one case of this very program in a process of its own, from its beginning: for what happens once in a process. The
/// case is named as `suite/case`, and is best disabled, so that it does not run by itself. A null value leaves the variable
/// out of the environment.
inline child_result rerun(char const* test_case, char const* variable, char const* value) {
    std::string const which = std::string{"--run_test="} + test_case;
    return run_in_child([&] {
        value != nullptr ? ::setenv(variable, value, 1) : ::unsetenv(variable);
        ::execl("/proc/self/exe", "framealloc", which.c_str(), "--log_level=nothing", "--report_level=no",
                "--catch_system_errors=no", static_cast<char*>(nullptr));
        return 127;
    });
}

}  // namespace framealloc::test
