// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <box2d/b2_math.h>

#include <vector>

namespace asteroids {

/// One frame as it was played, copied out of the frame's memory so that it can be drawn later.
struct picture {
    struct shape {
        std::vector<b2Vec2> outline;
        float speed = 0;
    };
    struct dot {
        b2Vec2 at;
        float freshness = 1;  ///< 1 when new, 0 when it goes out
    };
    struct ray {
        b2Vec2 from, to;
    };
    struct contact {
        b2Vec2 at;
        float impulse = 0;
    };

    unsigned frame = 0;
    std::vector<shape> asteroids, ships;
    std::vector<dot> particles;
    std::vector<ray> rays;
    std::vector<contact> contacts;
};

}  // namespace asteroids
