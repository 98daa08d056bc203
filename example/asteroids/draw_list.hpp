// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include "asteroid.hpp"
#include "picture.hpp"
#include "ship.hpp"

#include <span>
#include <utility>

namespace asteroids {

/// What one worker hands to the renderer: outlines in world coordinates and dots, all of it in the worker's frame.
template <class Memory>
struct draw_list {
    template <class T>
    using vector = typename Memory::template frame_vector<T>;

    struct shape {
        vector<b2Vec2> outline;
        float speed = 0;
    };

    explicit draw_list(Memory& memory)
        : asteroids(memory.template frame_list<shape>()),
          ships(memory.template frame_list<shape>()),
          particles(memory.template frame_list<picture::dot>()) {}

    vector<shape> asteroids;
    vector<shape> ships;
    vector<picture::dot> particles;
};

/// The part of `whole` that worker `i` of `n` draws.
template <class T>
[[nodiscard]] std::span<T> share_of(std::span<T> whole, unsigned i, unsigned n) {
    std::size_t const first = whole.size() * i / n, last = whole.size() * (i + 1) / n;
    return whole.subspan(first, last - first);
}

template <class Memory>
[[nodiscard]] typename draw_list<Memory>::shape outline_in_world(Memory& memory, b2Body const& body,
                                                                 std::span<b2Vec2 const> outline) {
    typename draw_list<Memory>::shape s{memory.template frame_list<b2Vec2>(), body.GetLinearVelocity().Length()};
    s.outline.reserve(outline.size());
    for (b2Vec2 const corner : outline) s.outline.push_back(body.GetWorldPoint(corner));
    return s;
}

/// Draws a part of the field. `plan` is the level's heap block, which has the outlines.
template <class Memory>
void draw(Memory& memory, draw_list<Memory>& into, std::span<b2Body* const> bodies, std::span<asteroid const> plan,
          std::span<ship* const> ships, std::span<particle* const> particles) {
    for (b2Body const* const body : bodies) {
        asteroid const& a = plan[body_label{body}.as_asteroid()];
        into.asteroids.push_back(outline_in_world(memory, *body, {a.outline, static_cast<std::size_t>(a.corners)}));
    }
    b2Vec2 const hull[] = {{1.9F, 0}, {-1.3F, 1.1F}, {-0.7F, 0}, {-1.3F, -1.1F}};
    for (ship const* const s : ships) into.ships.push_back(outline_in_world(memory, *s->body, hull));
    for (particle const* const p : particles) into.particles.push_back({p->at, p->freshness()});
}

}  // namespace asteroids
