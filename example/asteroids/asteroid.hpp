// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include "level.hpp"

#include <box2d/b2_math.h>

#include <span>

namespace asteroids {

/// An asteroid as the level places it: where it starts, how it moves, and its outline around its centre.
struct asteroid {
    b2Vec2 position, velocity;
    float spin = 0;
    float radius = 0;
    int corners = 0;
    b2Vec2 outline[8];
};

/// Lays the field out: `level::asteroids()` of them, the same for the same level. They do not overlap while there is
/// room.
void place_asteroids(level const& from, std::span<asteroid> into);

}  // namespace asteroids
