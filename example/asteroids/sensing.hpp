// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include "ship.hpp"

#include <algorithm>
#include <new>

// What the game learns from Box2D in a frame, gathered into vectors of the frame.

namespace asteroids {

/// A touch that the solver worked on: where, how hard, and which asteroids, if any.
struct contact_event {
    b2Vec2 at;
    float impulse = 0;
    std::uint32_t first = body_label::none, second = body_label::none;
};

/// Adds to a vector of the frame; false where the memory for it is refused. What senses does without then, and the game goes
/// on. (Nor could anything be thrown through Box2D.)
template <class Vector, class T>
[[nodiscard]] bool add_if_allowed(Vector& into, T const& what) {
    try {
        into.push_back(what);
        return true;
    } catch (std::bad_alloc const&) {
        return false;
    }
}

/// Writes every solved contact into a frame vector and hurts the ships that take part.
template <class Contacts>
class contact_collector final : public b2ContactListener {
public:
    explicit contact_collector(Contacts& into) noexcept : into_(into) {}

    void PostSolve(b2Contact* contact, b2ContactImpulse const* impulse) override {
        float const hardest = *std::max_element(impulse->normalImpulses, impulse->normalImpulses + impulse->count);
        b2WorldManifold where;
        contact->GetWorldManifold(&where);
        body_label const a{contact->GetFixtureA()->GetBody()}, b{contact->GetFixtureB()->GetBody()};
        contact_event const event{where.points[0], hardest, a.as_asteroid(), b.as_asteroid()};
        if (!add_if_allowed(into_, event)) ++refused_;
        if (ship* const s = a.as_ship()) s->damage += hardest;
        if (ship* const s = b.as_ship()) s->damage += hardest;
    }

    /// How many there was no memory for.
    [[nodiscard]] std::uint64_t refused() const noexcept { return refused_; }

private:
    Contacts& into_;
    std::uint64_t refused_ = 0;
};

/// Where a ray ended: at its full reach, or at the first thing it met.
struct ray_end {
    b2Vec2 from, at;
    float share = 1;  ///< of the reach
    std::uint32_t met = body_label::none;
};

class closest_hit final : public b2RayCastCallback {
public:
    explicit closest_hit(ray_end& into) noexcept : into_(into) {}

    float ReportFixture(b2Fixture* fixture, b2Vec2 const& point, b2Vec2 const&, float fraction) override {
        into_.at = point;
        into_.share = fraction;
        into_.met = body_label{fixture->GetBody()}.as_asteroid();
        return fraction;  // nothing farther away is of interest
    }

private:
    ray_end& into_;
};

[[nodiscard]] inline ray_end cast_ray(b2World const& world, b2Vec2 from, b2Vec2 to) {
    ray_end end{.from = from, .at = to};
    closest_hit callback{end};
    world.RayCast(&callback, from, to);
    return end;
}

/// Something within a ship's reach.
struct neighbour {
    std::uint32_t asteroid = body_label::none;
    b2Vec2 away;  ///< from it to the ship
};

/// Writes the asteroids of an area query into a frame vector.
template <class Neighbours>
class neighbour_collector final : public b2QueryCallback {
public:
    neighbour_collector(b2Vec2 centre, Neighbours& into) noexcept : centre_(centre), into_(into) {}

    bool ReportFixture(b2Fixture* fixture) override {
        b2Body const* const body = fixture->GetBody();
        std::uint32_t const number = body_label{body}.as_asteroid();
        if (number == body_label::none) return true;
        all_noted_ = add_if_allowed(into_, neighbour{number, centre_ - body->GetPosition()});
        return all_noted_;
    }
    [[nodiscard]] bool all_noted() const noexcept { return all_noted_; }

private:
    bool all_noted_ = true;
    b2Vec2 centre_;
    Neighbours& into_;
};

/// False where there was no memory for all of them.
template <class Neighbours>
[[nodiscard]] bool query_around(b2World const& world, b2Vec2 centre, float reach, Neighbours& into) {
    b2AABB area;
    area.lowerBound = centre - b2Vec2(reach, reach);
    area.upperBound = centre + b2Vec2(reach, reach);
    neighbour_collector<Neighbours> callback{centre, into};
    world.QueryAABB(&callback, area);
    return callback.all_noted();
}

}  // namespace asteroids
