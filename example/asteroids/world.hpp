// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include "chart.hpp"
#include "checksum.hpp"
#include "crew.hpp"
#include "draw_list.hpp"
#include "random.hpp"
#include "request_log.hpp"
#include "sensing.hpp"

#include <cmath>
#include <optional>

namespace asteroids {

/// What a frame gathers, gone at its end.
template <class Memory>
struct frame_findings {
    template <class T>
    using vector = typename Memory::template frame_vector<T>;

    /// What one ship saw.
    struct sweep {
        ship* who = nullptr;
        vector<ray_end> rays;
        vector<neighbour> near;
    };

    frame_findings(Memory& memory, unsigned workers)
        : contacts(memory.template frame_list<contact_event>()),
          sweeps(memory.template frame_list<sweep>()),
          spark_hits(memory.template frame_list<ray_end>()),
          drawn(memory.template frame_list<draw_list<Memory>>()) {
        drawn.reserve(workers);
        for (unsigned i = 0; i < workers; ++i) drawn.emplace_back(memory);
    }

    vector<contact_event> contacts;
    vector<sweep> sweeps;
    vector<ray_end> spark_hits;
    vector<draw_list<Memory>> drawn;
};

/// The whole game over one memory policy. Two worlds of one level play the same game, whatever their memory.
template <class Memory>
class world {
public:
    using findings = frame_findings<Memory>;

    /// Loads the level. Requests are noted in `log`, if there is one: the load's now, each frame's in `play`. The
    /// memory is made ready for `games` such games at once.
    world(level const& of, crew& workers, frame_log* log, unsigned games)
        : level_(of), crew_(workers), log_(log), random_(of.seed ^ 0x5eed) {
        rehearse(games);
        listen const ear(before());
        auto const payer = memory_.charge_to(account::level);
        plan_ = memory_.template block<asteroid>(of.asteroids());
        place_asteroids(of, plan_);
        physics_.emplace(of, plan_);
        ships_.emplace(memory_.template lasting_list<ship*>()).reserve(of.ships);
        particles_.emplace(memory_.template lasting_list<particle*>()).reserve(of.particles);
    }

    /// Gives everything back, which is noted in `log` as well.
    void unload() {
        listen const ear(before());
        for (ship* const s : *ships_) memory_.remove(s);
        for (particle* const p : *particles_) memory_.remove(p);
        ships_.reset();
        particles_.reset();
        physics_.reset();
        memory_.drop(chart_.cells());
        memory_.drop(plan_);
    }

    /// Plays one frame, and copies it into `copy` if there is one.
    void play(picture* copy) {
        play(copy, [] {});
    }
    /// The same, with a call of `look` before the frame's memory goes.
    template <class Look>
    void play(picture* copy, Look&& look) {
        std::optional<findings> found;
        {
            listen const ear(before());
            memory_.begin_frame();
            found.emplace(memory_, crew_.size());
            gather(*found);
        }
        crew_.run([&](unsigned i) {
            listen const ear(log_ != nullptr ? &log_->by_worker[i] : nullptr);
            draw_share(*found, i);
        });
        listen const ear(log_ != nullptr ? &log_->after : nullptr);
        add_to_checksum(*found);
        if (copy != nullptr) copy_into(*copy, *found);
        look();
        found.reset();
        memory_.end_frame();
        ++frame_;
    }

    [[nodiscard]] std::uint64_t checksum_value() const noexcept { return sum_.value(); }
    [[nodiscard]] std::uint64_t refused_findings() const noexcept { return refused_findings_; }
    [[nodiscard]] int bodies() const { return physics_->world().GetBodyCount(); }
    [[nodiscard]] Memory& memory() noexcept { return memory_; }

private:
    [[nodiscard]] request_log* before() noexcept { return log_ != nullptr ? &log_->before : nullptr; }

    /// The largest frame and the fullest pool, once, so that nothing after it is a first time. Not noted: it is no part
    /// of the game.
    void rehearse(unsigned games) {
        memory_.begin_frame();
        std::size_t const frame_bytes = std::size_t{level_.frame_kib} * 1024;
        memory_.prepare_thread(frame_bytes);
        crew_.run([&](unsigned) { memory_.prepare_thread(frame_bytes); });
        memory_.end_frame();
        std::vector<particle*> all(std::size_t{level_.particles} * games);
        for (particle*& p : all) p = memory_.template spawn<particle>();
        for (particle* const p : all) memory_.remove(p);
    }

    void gather(findings& found) {
        if (level_.ships > 0 && frame_ % level_.wave_frames == 0) send_wave();
        step_physics(found);
        throw_sparks(found);
        sweep_radar(found);
        for (typename findings::sweep const& s : found.sweeps) steer(s);
        retire_ships();
        fly_particles(found);
    }

    void step_physics(findings& found) {
        auto const payer = memory_.charge_to(account::contacts);
        contact_collector collector{found.contacts};
        physics_->step(collector);
        refused_findings_ += collector.refused();
    }

    // --- ships ------------------------------------------------------------------------------------------------------

    void send_wave() {
        auto const payer = memory_.charge_to(account::ships);
        memory_.drop(chart_.cells());
        chart_ = chart{level_, memory_.template block<float>(chart::columns * chart::rows)};
        chart_.draw(physics_->asteroids());

        level::gate const& g = level_.gates[frame_ / level_.wave_frames % level_.gates.size()];
        for (unsigned i = 0; i < level_.wave_ships && ships_->size() < level_.ships; ++i) {
            b2Vec2 const at{g.x + random_.between(-9, 9), g.y + random_.between(-9, 9)};
            ship* const s = memory_.template spawn<ship>();
            s->frames_left = 200 + static_cast<unsigned>(random_.next() % 200);
            s->next_moon = i;
            s->goal = goal_of(*s);
            b2Vec2 way = s->goal - at;
            way.Normalize();
            s->body = physics_->add_ship(at, 12 * way, s);
            ships_->push_back(s);
        }
    }

    /// A place in orbit of the ship's next moon, or anywhere where there are no moons.
    [[nodiscard]] b2Vec2 goal_of(ship const& s) {
        float const angle = random_.between(-3.14159265F, 3.14159265F);
        b2Vec2 const out(std::cos(angle), std::sin(angle));
        if (level_.moons.empty()) return 0.4F * b2Vec2(level_.width * out.x, level_.height * out.y);
        level::moon const& m = level_.moons[s.next_moon % level_.moons.size()];
        return b2Vec2(m.x, m.y) + (m.radius * random_.between(1.3F, 4)) * out;
    }

    void sweep_radar(findings& found) {
        auto const payer = memory_.charge_to(account::radar);
        for (ship* const s : *ships_) {
            bool const whole = sweep_around(*s, found);
            refused_findings_ += !whole;
        }
    }

    /// What one ship sees. False where there was no memory for all of it; what there was memory for it sees.
    [[nodiscard]] bool sweep_around(ship& s, findings& found) {
        using sweep = typename findings::sweep;
        if (found.sweeps.capacity() == 0) reserve_if_allowed(found.sweeps, ships_->size());
        if (found.sweeps.size() == found.sweeps.capacity()) return false;
        auto& seen = found.sweeps.emplace_back(
            sweep{&s, memory_.template frame_list<ray_end>(), memory_.template frame_list<neighbour>()});
        b2Vec2 const at = s.body->GetPosition();
        for (unsigned i = 0; i < level_.radar_rays; ++i) {
            float const angle =
                s.body->GetAngle() + 6.2831853F * static_cast<float>(i) / static_cast<float>(level_.radar_rays);
            b2Vec2 const reach = level_.radar_reach * b2Vec2(std::cos(angle), std::sin(angle));
            if (!add_if_allowed(seen.rays, cast_ray(physics_->world(), at, at + reach))) return false;
        }
        return query_around(physics_->world(), at, level_.radar_reach / 3, seen.near);
    }
    template <class Vector>
    static void reserve_if_allowed(Vector& v, std::size_t n) {
        try {
            v.reserve(n);
        } catch (std::bad_alloc const&) {}
    }

    void steer(typename findings::sweep const& seen) {
        ship& s = *seen.who;
        b2Vec2 const at = s.body->GetPosition();
        if (b2DistanceSquared(at, s.goal) < 36) {
            ++s.next_moon;
            s.goal = goal_of(s);
        }
        b2Vec2 wish = s.goal - at;
        wish.Normalize();
        for (ray_end const& r : seen.rays) wish += (0.35F * (r.share - 1)) * direction(r.at - at);
        for (neighbour const& n : seen.near) wish += (1 / (1 + n.away.LengthSquared())) * n.away;
        wish += 0.02F * chart_.way_out(at);
        wish.Normalize();

        s.thrust = wish;
        s.body->ApplyForceToCenter(s.body->GetMass() * (26 * wish - 0.9F * s.body->GetLinearVelocity()), true);
        s.body->SetAngularVelocity(9 * std::remainder(b2Atan2(wish.y, wish.x) - s.body->GetAngle(), 6.2831853F));
        for (int i = 0; i < 2; ++i) {
            add_particle(at - 1.1F * wish, s.body->GetLinearVelocity() - 14 * scattered(wish, 0.2F), 55);
        }
        --s.frames_left;
    }

    void retire_ships() {
        auto& all = *ships_;
        for (std::size_t i = 0; i < all.size();) {
            ship* const s = all[i];
            if (!s->is_gone()) {
                ++i;
                continue;
            }
            if (s->is_lost()) burst(s->body->GetPosition(), s->body->GetLinearVelocity());
            physics_->remove(s->body);
            memory_.remove(s);
            all[i] = all.back();
            all.pop_back();
        }
    }

    // --- particles --------------------------------------------------------------------------------------------------

    void throw_sparks(findings const& found) {
        for (contact_event const& c : found.contacts) {
            if (c.impulse < 5) continue;
            for (int i = 0; i < 4; ++i) add_particle(c.at, scattered({0, 0}, 9), 40);
        }
    }
    void burst(b2Vec2 at, b2Vec2 velocity) {
        for (int i = 0; i < 48; ++i) {
            add_particle(at, scattered(0.5F * velocity, 16), 70);
        }
    }
    void add_particle(b2Vec2 at, b2Vec2 velocity, unsigned frames) {
        if (particles_->size() >= level_.particles) return;
        auto const payer = memory_.charge_to(account::particles);
        unsigned const lifetime = frames / 2 + static_cast<unsigned>(random_.next() % frames);
        particles_->push_back(memory_.template spawn<particle>(particle{at, velocity, lifetime, lifetime}));
    }

    /// Moves every particle; each eighth frame it looks where it will be eight frames on, and goes out if that is rock.
    void fly_particles(findings& found) {
        auto const payer = memory_.charge_to(account::particles);
        auto& all = *particles_;
        for (std::size_t i = 0; i < all.size();) {
            particle& p = *all[i];
            p.velocity += physics::seconds_per_frame * physics_->pull_at(p.at);
            if ((i + frame_) % 8 == 0) {
                b2Vec2 const ahead = p.at + (8 * physics::seconds_per_frame) * p.velocity;
                // Box2D asserts that a ray has a length.
                if (b2DistanceSquared(p.at, ahead) > 1e-4F) {
                    ray_end const end = cast_ray(physics_->world(), p.at, ahead);
                    if (end.share < 1) {
                        found.spark_hits.push_back(end);
                        p.frames_left = std::min(p.frames_left, 1U);
                    }
                }
            }
            p.at += physics::seconds_per_frame * p.velocity;
            if (p.frames_left > 1) {
                --p.frames_left;
                ++i;
                continue;
            }
            memory_.remove(&p);
            all[i] = all.back();
            all.pop_back();
        }
    }

    [[nodiscard]] static b2Vec2 direction(b2Vec2 v) {
        v.Normalize();
        return v;
    }
    /// Braces, here and wherever two random numbers are drawn: they fix the order in which it is done.
    [[nodiscard]] b2Vec2 scattered(b2Vec2 v, float by) {
        return v + b2Vec2{random_.between(-by, by), random_.between(-by, by)};
    }

    // --- drawing and checking ---------------------------------------------------------------------------------------

    void draw_share(findings& found, unsigned i) {
        auto const payer = memory_.charge_to(account::drawing);
        unsigned const n = crew_.size();
        draw(memory_, found.drawn[i], share_of(physics_->asteroids(), i, n), std::span<asteroid const>(plan_),
             share_of(std::span<ship* const>(*ships_), i, n), share_of(std::span<particle* const>(*particles_), i, n));
    }

    void add_to_checksum(findings const& found) {
        sum_.add(std::uint64_t{found.contacts.size()});
        for (contact_event const& c : found.contacts) {
            sum_.add(c.impulse);
            sum_.add(std::uint64_t{c.first} << 32 | c.second);
        }
        for (auto const& s : found.sweeps) {
            for (ray_end const& r : s.rays) sum_.add(r.share);
            for (neighbour const& n : s.near) sum_.add(std::uint64_t{n.asteroid});
        }
        for (ray_end const& r : found.spark_hits) sum_.add(r.share);
        for (draw_list<Memory> const& d : found.drawn) {
            for (auto const* const shapes : {&d.asteroids, &d.ships}) {
                for (auto const& s : *shapes) {
                    for (b2Vec2 const corner : s.outline) {
                        sum_.add(corner.x);
                        sum_.add(corner.y);
                    }
                }
            }
            for (picture::dot const& p : d.particles) {
                sum_.add(p.at.x);
                sum_.add(p.at.y);
            }
        }
    }

    void copy_into(picture& copy, findings const& found) const {
        copy = {};
        copy.frame = frame_ + 1;
        auto const copy_shapes = [](auto const& from, std::vector<picture::shape>& to) {
            for (auto const& s : from) to.push_back({{s.outline.begin(), s.outline.end()}, s.speed});
        };
        for (draw_list<Memory> const& d : found.drawn) {
            copy_shapes(d.asteroids, copy.asteroids);
            copy_shapes(d.ships, copy.ships);
            copy.particles.insert(copy.particles.end(), d.particles.begin(), d.particles.end());
        }
        for (auto const& s : found.sweeps) {
            for (ray_end const& r : s.rays) {
                if (r.share < 1) copy.rays.push_back({r.from, r.at});
            }
        }
        for (contact_event const& c : found.contacts) copy.contacts.push_back({c.at, c.impulse});
    }

    level const& level_;
    crew& crew_;
    frame_log* log_;
    random_sequence random_;
    Memory memory_;
    std::span<asteroid> plan_;  // the level, as a heap block
    std::optional<physics> physics_;
    std::optional<typename Memory::template lasting_vector<ship*>> ships_;
    std::optional<typename Memory::template lasting_vector<particle*>> particles_;
    chart chart_;
    checksum sum_;
    std::uint64_t refused_findings_ = 0;
    unsigned frame_ = 0;
};

}  // namespace asteroids
