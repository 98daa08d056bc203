// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include "asteroid.hpp"

#include <box2d/b2_body.h>
#include <box2d/b2_fixture.h>
#include <box2d/b2_world.h>
#include <box2d/b2_world_callbacks.h>

#include <cstdint>
#include <vector>

namespace asteroids {

struct ship;

/// What a body is, kept in its user data: nothing (moons and walls), an asteroid by its number, or a ship.
class body_label {
public:
    static constexpr std::uint32_t none = ~std::uint32_t{0};

    static std::uintptr_t of_asteroid(std::size_t number) noexcept { return (number << 1) + 2; }
    static std::uintptr_t of_ship(ship* s) noexcept { return reinterpret_cast<std::uintptr_t>(s) | 1; }

    explicit body_label(b2Body const* body) noexcept : value_(const_cast<b2Body*>(body)->GetUserData().pointer) {}
    [[nodiscard]] ship* as_ship() const noexcept {
        return (value_ & 1) != 0 ? reinterpret_cast<ship*>(value_ & ~std::uintptr_t{1}) : nullptr;
    }
    /// The asteroid's number, or `none`.
    [[nodiscard]] std::uint32_t as_asteroid() const noexcept {
        return value_ != 0 && (value_ & 1) == 0 ? static_cast<std::uint32_t>((value_ - 2) >> 1) : none;
    }

private:
    std::uintptr_t value_;
};

/// The Box2D world: moons, walls, asteroids and ships, with the moons' pull in place of gravity.
///
/// Box2D 2.4 has no hook for its own memory at run time, so that memory is Box2D's under both policies.
class physics {
public:
    static constexpr float seconds_per_frame = 1.0F / 60;

    physics(level const& from, std::span<asteroid const> asteroids);

    [[nodiscard]] b2Body* add_ship(b2Vec2 at, b2Vec2 velocity, ship* who);
    void remove(b2Body* body) { world_.DestroyBody(body); }

    [[nodiscard]] b2Vec2 pull_at(b2Vec2 place) const;
    void step(b2ContactListener& listener);

    [[nodiscard]] b2World const& world() const noexcept { return world_; }
    [[nodiscard]] std::span<b2Body* const> asteroids() const noexcept { return asteroids_; }

private:
    void add_walls(float width, float height);
    void add_moons();
    void add_asteroid(asteroid const& a);

    level const& level_;
    b2World world_{b2Vec2(0, 0)};
    std::vector<b2Body*> asteroids_;
};

}  // namespace asteroids
