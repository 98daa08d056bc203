// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/fault.hpp>

namespace framealloc::inline v0_1 {

/// What `verify()` found: nothing wrong, or the first thing that is.
struct [[nodiscard]] verification {
    bool sound = true;
    fault first{};

    [[nodiscard]] constexpr explicit operator bool() const noexcept { return sound; }
};

}  // namespace framealloc
