// SPDX-License-Identifier: MIT OR Apache-2.0

// Every live object of a pool is visited, in the order of addresses, and its position moved by its velocity: 24 bytes are read
// and 12 written of each object's 64. An item is one live object. Workloads are object_pool_visit_S_P: S slots, of which P percent
// are alive, drawn at random; 10,000 slots fit the caches next to the core, and 1,000,000 do not.
//
// The limit is a loop over an array of just as many objects as are alive, without a gap. `pointers` is a loop over a vector of
// pointers to the same objects as the pool's, in the same order: what a program keeps beside a pool that cannot visit. `flags` is a
// loop over an array of all slots' objects that looks at a flag in each. `framealloc` is `for_each` of a fixed_pool with a bitmap.

#include "support/compare.hpp"
#include "support/random.hpp"
#include "support/smoke.hpp"

#include <framealloc/object_pool/fixed_pool.hpp>
#include <framealloc/object_pool/slots/bitmap.hpp>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace {

struct particle {
    float position[3];
    float velocity[3];
    std::uint32_t alive;
    unsigned char rest[36];

    explicit particle(float n) noexcept : position{n, 0, 0}, velocity{1, n, 2}, alive(1) {}
    [[gnu::always_inline]] void move() {
        position[0] += velocity[0] * 0.016F;
        position[1] += velocity[1] * 0.016F;
        position[2] += velocity[2] * 0.016F;
    }
};
static_assert(sizeof(particle) == 64);

/// A pool with all slots taken, and then `percent` of each hundred still alive.
struct population {
    framealloc::fixed_pool<particle, framealloc::slots::bitmap> pool;
    std::vector<particle*> all;
    std::vector<particle*> live;

    population(std::size_t slots, std::size_t percent)
        : pool(framealloc::object_pool_config{.capacity = slots, .alignment = 64}) {
        fixed_random random;
        for (std::size_t i = 0; i < slots; ++i) all.push_back(pool.allocate(static_cast<float>(i)));
        for (particle* const p : all) {
            if (random.between(1, 100) <= percent) {
                live.push_back(p);
            } else {
                p->alive = 0;
                pool.free(p);
            }
        }
    }
};

struct with_for_each : population {
    using population::population;
    [[gnu::noinline, gnu::hot]] void visit() {
        pool.for_each([](particle& p) { p.move(); });
    }
};
struct with_pointers : population {
    using population::population;
    [[gnu::noinline, gnu::hot]] void visit() {
        for (particle* const p : live) p->move();
    }
};
/// What lies in a free slot of a bitmap's pool stays there.
struct with_flags : population {
    using population::population;
    std::vector<particle> slots = [this] {
        std::vector<particle> copies(all.size(), particle{0});
        for (particle& p : copies) p.alive = 0;
        for (particle* const p : live) copies[static_cast<std::size_t>(p - all.front())].alive = 1;
        return copies;
    }();
    [[gnu::noinline, gnu::hot]] void visit() {
        for (particle& p : slots) {
            if (p.alive != 0) p.move();
        }
    }
};
struct without_gaps : population {
    using population::population;
    struct alignas(64) line {
        particle object{1};
    };
    std::vector<line> array = std::vector<line>(live.size());
    [[gnu::noinline, gnu::hot]] void visit() {
        for (line& each : array) each.object.move();
    }
};

template <class Visits>
void add(std::string const& workload, char const* contender, std::size_t slots, std::size_t percent) {
    compare::add(workload, contender, [=](benchmark::State& state) {
        auto const objects = std::make_unique<Visits>(slots, percent);
        objects->visit();
        for (auto _ : state) {
            objects->visit();
            benchmark::ClobberMemory();
        }
        state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(objects->live.size()));
    });
}

[[maybe_unused]] bool const registered = [] {
    for (std::size_t const slots : {std::size_t{10'000}, std::size_t{1'000'000}}) {
        for (std::size_t const percent : {std::size_t{100}, std::size_t{50}, std::size_t{1}}) {
            std::string const workload = "object_pool_visit_" + std::to_string(slots) + "_" + std::to_string(percent);
            std::size_t const there = work(slots, 10'000);
            add<without_gaps>(workload, "limit", there, percent);
            add<with_for_each>(workload, "framealloc", there, percent);
            add<with_pointers>(workload, "pointers", there, percent);
            add<with_flags>(workload, "flags", there, percent);
        }
    }
    return true;
}();

}  // namespace
