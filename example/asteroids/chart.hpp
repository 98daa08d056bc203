// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include "physics.hpp"

#include <algorithm>
#include <cstddef>
#include <span>

namespace asteroids {

/// How crowded the field is, cell by cell: drawn up anew for each wave, in a heap block, for its ships to steer by.
class chart {
public:
    static constexpr std::size_t columns = 128, rows = 80;

    chart() = default;
    chart(level const& of, std::span<float> cells) noexcept : width_(of.width), height_(of.height), cells_(cells) {}

    [[nodiscard]] std::span<float> cells() const noexcept { return cells_; }

    void draw(std::span<b2Body* const> asteroids) noexcept {
        std::fill(cells_.begin(), cells_.end(), 0.0F);
        for (b2Body const* const a : asteroids) cells_[cell_of(a->GetPosition())] += a->GetMass();
    }

    /// The way from where it is crowded to where it is not.
    [[nodiscard]] b2Vec2 way_out(b2Vec2 at) const noexcept {
        float const x = width_ / columns, y = height_ / rows;
        auto const crowd = [&](float dx, float dy) { return cells_[cell_of(at + b2Vec2(dx, dy))]; };
        return {crowd(-x, 0) - crowd(x, 0), crowd(0, -y) - crowd(0, y)};
    }

private:
    [[nodiscard]] std::size_t cell_of(b2Vec2 at) const noexcept {
        auto const cut = [](float share, std::size_t n) {
            return static_cast<std::size_t>(std::clamp(share * static_cast<float>(n), 0.0F, static_cast<float>(n - 1)));
        };
        return cut(at.y / height_ + 0.5F, rows) * columns + cut(at.x / width_ + 0.5F, columns);
    }

    float width_ = 1, height_ = 1;
    std::span<float> cells_;
};

}  // namespace asteroids
