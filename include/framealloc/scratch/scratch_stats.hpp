// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <cstddef>
#include <string_view>

namespace framealloc::inline v0_1 {

/// The longest name that a scratch arena may have, in bytes.
inline constexpr std::size_t max_scratch_name = 63;

/// What a scratch arena has. Exact while nobody uses it. A copy: it says what was, when the arena is gone.
struct scratch_stats {
    char name_text[max_scratch_name + 1] = "";
    std::size_t used_bytes = 0;      ///< since it was last reset, padding and what is kept to destroy objects included
    std::size_t peak_bytes = 0;      ///< the most that were used: now, or when it was reset, rewound or released
    std::size_t reserved_bytes = 0;  ///< asked of the allocator, and charged to the tag that the arena was made under
    unsigned long long resets = 0;

    [[nodiscard]] constexpr std::string_view name() const noexcept { return name_text; }
};

}  // namespace framealloc
