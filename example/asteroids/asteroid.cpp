// SPDX-License-Identifier: MIT OR Apache-2.0
#include "asteroid.hpp"

#include "random.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>

namespace asteroids {

namespace {

constexpr float pi = 3.14159265F;
constexpr unsigned tries = 12;

class placer {
public:
    placer(level const& from, std::span<asteroid> into) : level_(from), into_(into), random_(from.seed) {}

    void belt(level::belt const& b) {
        level::moon const& m = level_.moons[b.moon];
        for (unsigned i = 0; i < b.count; ++i) {
            asteroid& a = shape();
            find_room(a, [&] {
                // By area, so that the inner edge is no denser than the outer one.
                float const d = std::sqrt(random_.between(b.nearest * b.nearest, b.farthest * b.farthest));
                float const angle = random_.between(0, 2 * pi);
                return b2Vec2(m.x + d * std::cos(angle), m.y + d * std::sin(angle));
            });
            b2Vec2 const out = a.position - b2Vec2(m.x, m.y);
            float const d = out.Length();
            float const speed = std::sqrt(m.pull * m.radius * m.radius / d) * random_.between(0.93F, 1.07F);
            a.velocity = (speed / d) * b2Vec2(-out.y, out.x);
        }
    }

    void scatter(unsigned count) {
        for (unsigned i = 0; i < count; ++i) {
            asteroid& a = shape();
            find_room(a, [&] {
                float const x = level_.width / 2 - a.radius, y = level_.height / 2 - a.radius;
                return b2Vec2{random_.between(-x, x), random_.between(-y, y)};  // braces fix the order
            });
            a.velocity = b2Vec2{random_.between(-4, 4), random_.between(-4, 4)};
        }
    }

private:
    /// The next asteroid, with everything but its place.
    asteroid& shape() {
        asteroid& a = into_[placed_++];
        // Cubed, so that small ones are many and large ones few.
        float const u = random_.unit();
        a.radius = level_.radius_least + (level_.radius_most - level_.radius_least) * u * u * u;
        a.spin = random_.between(-2, 2);
        a.corners = 5 + static_cast<int>(random_.next() % 4);
        float const turn = random_.between(0, 2 * pi);
        for (int i = 0; i < a.corners; ++i) {
            float const angle =
                turn + 2 * pi * (static_cast<float>(i) + random_.between(-0.2F, 0.2F)) / static_cast<float>(a.corners);
            float const r = a.radius * random_.between(0.86F, 1);
            a.outline[i].Set(r * std::cos(angle), r * std::sin(angle));
        }
        return a;
    }

    template <class Choose>
    void find_room(asteroid& a, Choose&& choose) {
        for (unsigned i = 0; i < tries; ++i) {
            a.position = choose();
            if (has_room(a)) return;
        }
    }
    [[nodiscard]] bool has_room(asteroid const& a) const {
        auto const apart = [&](b2Vec2 other, float radius) {
            float const reach = a.radius + radius;
            return (a.position - other).LengthSquared() > reach * reach;
        };
        return std::all_of(level_.moons.begin(), level_.moons.end(),
                           [&](level::moon const& m) { return apart(b2Vec2(m.x, m.y), m.radius); }) &&
               std::all_of(into_.begin(), into_.begin() + static_cast<std::ptrdiff_t>(placed_) - 1,
                           [&](asteroid const& b) { return apart(b.position, b.radius); });
    }

    level const& level_;
    std::span<asteroid> into_;
    std::size_t placed_ = 0;
    random_sequence random_;
};

}  // namespace

void place_asteroids(level const& from, std::span<asteroid> into) {
    placer place{from, into};
    for (level::belt const& b : from.belts) place.belt(b);
    place.scatter(from.scattered);
}

}  // namespace asteroids
