// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include "results.hpp"

#include <string>

namespace asteroids {

/// The table for people.
[[nodiscard]] std::string to_table(results const& r);
/// Everything, for programs.
[[nodiscard]] std::string to_json(results const& r);

}  // namespace asteroids
