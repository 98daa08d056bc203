// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include "level.hpp"
#include "picture.hpp"

#include <string>

namespace asteroids {

/// A drawing of one frame, complete in itself.
[[nodiscard]] std::string to_svg(picture const& p, level const& of);

}  // namespace asteroids
