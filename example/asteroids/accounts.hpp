// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/tag.hpp>

#include <array>

namespace asteroids {

/// Whom the game's memory is for. A memory that keeps no accounts takes them and does nothing.
namespace account {
inline constexpr framealloc::allocation_tag level{"level"};
inline constexpr framealloc::allocation_tag physics{"physics"};
inline constexpr framealloc::allocation_tag contacts{"physics/contacts"};
inline constexpr framealloc::allocation_tag radar{"physics/radar"};
inline constexpr framealloc::allocation_tag ships{"ships"};
inline constexpr framealloc::allocation_tag particles{"particles"};
inline constexpr framealloc::allocation_tag drawing{"drawing"};
inline constexpr std::array all{level, physics, contacts, radar, ships, particles, drawing};
}  // namespace account

}  // namespace asteroids
