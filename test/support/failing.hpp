// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include "support/child.hpp"

#include <framealloc/failure.hpp>

#include <cstdlib>
#include <string>

namespace framealloc::test {

/// How a call of a plain form failed: which fault, and the whole report.
struct failure_seen {
    bool failed = false;
    fault_code code{};
    std::string text;
    [[nodiscard]] bool says(char const* part) const { return text.find(part) != std::string::npos; }
};

/// Runs `call`, which is expected to fail. With exceptions it throws, and the exception is looked at; without, it
/// reports and stops, which is watched from outside.
template <class F>
failure_seen how_it_fails(F&& call) {
    failure_seen seen;
#if FRAMEALLOC_EXCEPTIONS
    try {
        call();
    } catch (allocation_failure const& e) {
        seen = {true, e.code(), e.what()};
    }
#else
    child_result const child = run_in_child([&] {
        set_fault_handler(nullptr);
        call();
        return 0;
    });
    seen.failed = child.aborted();
    seen.text = child.error_text;
    auto const at = seen.text.find("[FA");
    if (at != std::string::npos) seen.code = fault_code(std::atoi(seen.text.c_str() + at + 3));
#endif
    return seen;
}

}  // namespace framealloc::test
