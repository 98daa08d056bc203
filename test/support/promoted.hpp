// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <stdexcept>
#include <utility>

namespace framealloc::test {

/// Knows how many of its kind are alive, and its value: 0 where it was moved from. `Kind` keeps tests apart.
template <int Kind, bool NothrowMove = true>
struct traveller {
    static inline int alive = 0;
    static inline int moves = 0;
    static inline bool move_throws = false;

    int value;
    /// So that what destroys it twice, or elsewhere, is seen.
    traveller const* self = this;

    explicit traveller(int v) noexcept : value(v) { ++alive; }
    traveller() noexcept : traveller(1) {}
    traveller(traveller&& other) noexcept(NothrowMove) : value(other.value) {
#ifdef __cpp_exceptions
        if constexpr (!NothrowMove) {
            if (move_throws) throw std::runtime_error("moved");
        }
#endif
        other.value = 0;
        ++moves;
        ++alive;
    }
    ~traveller() {
        if (self == this) --alive;
        self = nullptr;
    }
    [[nodiscard]] bool is_sound() const noexcept { return self == this; }
};

}  // namespace framealloc::test
