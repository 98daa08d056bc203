// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include "misuse.hpp"

#include <string>

namespace scoreboard {

/// What became of a misuse in a process of its own.
struct outcome {
    result how = result::silent;
    std::string text;  ///< what it has written to standard error
    std::string code;  ///< of the first report of an error or warning; empty: none
    int signal = 0;

    [[nodiscard]] bool says(std::string_view what) const { return text.find(what) != std::string::npos; }
    /// The report's line that begins with `label`; empty where it has none.
    [[nodiscard]] std::string line(std::string_view label) const;
};

/// Runs it in a child, for at most some seconds. What a tool has written about the child is in `DIRECTORY/PROCESS.log`, where
/// there is such a directory.
[[nodiscard]] outcome run(misuse const& m, std::string const& tool_logs = {});

[[nodiscard]] char const* name_of(result how);

}  // namespace scoreboard
