// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include "physics.hpp"

#include <box2d/b2_contact.h>

namespace asteroids {

/// A ship, from a pool. Its body is Box2D's.
struct ship {
    b2Body* body = nullptr;
    b2Vec2 goal{0, 0};
    b2Vec2 thrust{0, 0};
    float damage = 0;
    unsigned frames_left = 0;
    unsigned next_moon = 0;

    static constexpr float toughness = 160;  ///< of impulses, in kg m/s

    [[nodiscard]] bool is_lost() const noexcept { return damage > toughness; }
    [[nodiscard]] bool is_gone() const noexcept { return is_lost() || frames_left == 0; }
};

/// A fleck of exhaust or a spark, from a pool.
struct particle {
    b2Vec2 at{0, 0};
    b2Vec2 velocity{0, 0};
    unsigned frames_left = 0;
    unsigned frames_in_all = 1;

    [[nodiscard]] float freshness() const noexcept {
        return static_cast<float>(frames_left) / static_cast<float>(frames_in_all);
    }
};

}  // namespace asteroids
