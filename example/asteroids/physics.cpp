// SPDX-License-Identifier: MIT OR Apache-2.0
#include "physics.hpp"

#include <box2d/b2_chain_shape.h>
#include <box2d/b2_circle_shape.h>
#include <box2d/b2_polygon_shape.h>

#include <algorithm>

namespace asteroids {

physics::physics(level const& from, std::span<asteroid const> asteroids) : level_(from) {
    // Nothing is fast enough to pass through a moon within a frame.
    world_.SetContinuousPhysics(false);
    add_walls(from.width, from.height);
    add_moons();
    asteroids_.reserve(asteroids.size());
    for (asteroid const& a : asteroids) add_asteroid(a);
}

void physics::add_walls(float width, float height) {
    float const x = width / 2, y = height / 2;
    b2Vec2 const corners[] = {{-x, -y}, {-x, y}, {x, y}, {x, -y}};  // clockwise: it stops what comes from inside
    b2ChainShape wall;
    wall.CreateLoop(corners, 4);
    b2BodyDef const fixed;
    b2FixtureDef what;
    what.shape = &wall;
    what.restitution = 0.8F;
    world_.CreateBody(&fixed)->CreateFixture(&what);
}

void physics::add_moons() {
    for (level::moon const& m : level_.moons) {
        b2CircleShape disc;
        disc.m_radius = m.radius;
        b2BodyDef fixed;
        fixed.position.Set(m.x, m.y);
        b2FixtureDef what;
        what.shape = &disc;
        what.restitution = 0.5F;
        world_.CreateBody(&fixed)->CreateFixture(&what);
    }
}

void physics::add_asteroid(asteroid const& a) {
    b2PolygonShape rock;
    rock.Set(a.outline, a.corners);
    b2BodyDef moving;
    moving.type = b2_dynamicBody;
    moving.position = a.position;
    moving.linearVelocity = a.velocity;
    moving.angularVelocity = a.spin;
    moving.userData.pointer = body_label::of_asteroid(asteroids_.size());
    b2FixtureDef what;
    what.shape = &rock;
    what.density = 1;
    what.friction = 0.3F;
    what.restitution = 0.45F;
    b2Body* const body = world_.CreateBody(&moving);
    body->CreateFixture(&what);
    asteroids_.push_back(body);
}

b2Body* physics::add_ship(b2Vec2 at, b2Vec2 velocity, ship* who) {
    b2Vec2 const hull[] = {{1.3F, 0}, {-0.9F, 0.75F}, {-0.9F, -0.75F}};
    b2PolygonShape shape;
    shape.Set(hull, 3);
    b2BodyDef moving;
    moving.type = b2_dynamicBody;
    moving.position = at;
    moving.linearVelocity = velocity;
    moving.angle = b2Atan2(velocity.y, velocity.x);
    moving.angularDamping = 4;
    moving.userData.pointer = body_label::of_ship(who);
    b2FixtureDef what;
    what.shape = &shape;
    what.density = 2;
    what.restitution = 0.3F;
    b2Body* const body = world_.CreateBody(&moving);
    body->CreateFixture(&what);
    return body;
}

b2Vec2 physics::pull_at(b2Vec2 place) const {
    b2Vec2 sum(0, 0);
    for (level::moon const& m : level_.moons) {
        b2Vec2 const way = b2Vec2(m.x, m.y) - place;
        float const surface = m.radius * m.radius;
        float const distance = std::max(way.LengthSquared(), surface);
        sum += (m.pull * surface / (distance * b2Sqrt(distance))) * way;
    }
    return sum;
}

void physics::step(b2ContactListener& listener) {
    for (b2Body* const body : asteroids_) {
        body->ApplyForceToCenter(body->GetMass() * pull_at(body->GetPosition()), true);
    }
    world_.SetContactListener(&listener);
    world_.Step(seconds_per_frame, 6, 2);
    world_.SetContactListener(nullptr);
}

}  // namespace asteroids
