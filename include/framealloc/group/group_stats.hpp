// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/failure.hpp>
#include <framealloc/sizes.hpp>

#include <string_view>

namespace framealloc::inline v0_1 {

/// The longest name that a group may have, in bytes.
inline constexpr std::size_t max_group_name = 63;

/// How a group takes its memory, and who may use it.
struct group_config {
    /// Bytes of the group's first block of memory; each further one is twice as large. From 512 to `block_bytes`.
    std::size_t first_block_bytes = 4_KiB;
    /// Bytes of its largest blocks. A request above a quarter of it gets a block of its own. From 1 KiB to 1 GiB.
    std::size_t block_bytes = 1_MiB;
    /// Whether several threads may allocate from it at the same time.
    bool shared = false;

    /// Whether each field is within its range; `why` says which one is not.
    [[nodiscard]] constexpr bool is_valid(fault& why) const noexcept {
        return is_within("block_bytes is %llu; expected %llu to %llu", block_bytes, 1_KiB, 1_GiB, why) &&
               is_within("first_block_bytes is %llu; expected %llu to %llu", first_block_bytes, 512, block_bytes, why);
    }

private:
    static constexpr bool is_within(char const* note, std::size_t value, std::size_t least, std::size_t most,
                                    fault& why) noexcept {
        if (value >= least && value <= most) return true;
        why = {.code = fault_code::bad_configuration, .note = note, .numbers = {value, least, most}};
        return false;
    }
};

/// What a live group has. Exact while nobody allocates from it. A copy: it says what was, when the group is gone.
struct group_stats {
    char name_text[max_group_name + 1] = "";
    std::size_t objects = 0;         ///< made one by one or in arrays, and requests for raw memory
    std::size_t bytes = 0;           ///< in use, rounding and what is kept to destroy objects included
    std::size_t reserved_bytes = 0;  ///< asked of the allocator, and charged to the tags under which it was
    std::size_t blocks = 0;          ///< of memory: what freeing the group gives back one by one
    bool shared = false;

    /// Empty for a group without a name.
    [[nodiscard]] std::string_view name() const noexcept { return name_text; }
};

}  // namespace framealloc
