// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <istream>
#include <string>
#include <vector>

namespace asteroids {

/// A level file as it was read: what the field looks like and how much of everything there is.
struct level {
    struct moon {
        float x = 0, y = 0, radius = 0, pull = 0;
    };
    struct belt {
        unsigned moon = 0;  ///< index into `moons`
        float nearest = 0, farthest = 0;
        unsigned count = 0;
    };
    struct gate {
        float x = 0, y = 0;
    };

    std::string title = "untitled";
    std::uint64_t seed = 1;
    float width = 0, height = 0;
    float radius_least = 0.5F, radius_most = 1;
    std::vector<moon> moons;
    std::vector<belt> belts;
    unsigned scattered = 0;
    std::vector<gate> gates;
    unsigned wave_frames = 60, wave_ships = 8;
    unsigned ships = 32;
    unsigned radar_rays = 8;
    float radar_reach = 20;
    unsigned particles = 1024;
    unsigned frame_kib = 1024;

    [[nodiscard]] std::size_t asteroids() const noexcept {
        std::size_t n = scattered;
        for (belt const& b : belts) n += b.count;
        return n;
    }
};

/// Reads a level. Throws `bad_input`, as `name:line: ...`, for text that is none.
[[nodiscard]] level read_level(std::istream& in, std::string const& name);
/// Reads a level file. Throws `bad_input` where it cannot be opened, too.
[[nodiscard]] level read_level_file(std::string const& path);

}  // namespace asteroids
