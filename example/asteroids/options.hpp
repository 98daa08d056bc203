// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include "ledger.hpp"

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace asteroids {

/// What the command line asks for.
struct options {
    unsigned frames = 600;
    std::string level_file;
    std::string json_file;  ///< empty: none
    std::string svg_file;   ///< empty: none
    std::vector<budget_wish> budgets;
    std::string only;  ///< a side to play alone, or empty for both
    bool help = false;
};

/// Reads the command line. Throws `bad_input` for what it does not know.
[[nodiscard]] options read_options(std::span<char const* const> words);

[[nodiscard]] std::string_view usage() noexcept;

}  // namespace asteroids
