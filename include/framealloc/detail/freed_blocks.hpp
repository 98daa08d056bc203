// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/detail/assembly.hpp>

#include <cstddef>
#include <cstdint>

namespace framealloc::inline v0_1::detail {

/// The heap blocks that were freed last, where records are kept: a second free of one is named with both places, though its
/// memory may have left the process, and must not be read.
///
///   Cost      A lock, and a look through 2 KiB, for each heap block that is allocated or freed.
///   Threads   Any number.
template <class A>
class freed_blocks {
public:
    struct one {
        std::uintptr_t object = 0;
        std::size_t bytes = 0;
        void const* allocated_at = nullptr;
        void const* freed_at = nullptr;
    };

    void add(one const& b) noexcept {
        locked const guard{guard_};
        ring_[next_++ % count] = b;
    }
    /// The address has been given out again.
    void forget(std::uintptr_t object) noexcept {
        locked const guard{guard_};
        for (one& b : ring_) {
            if (b.object == object) b = {};
        }
    }
    /// The newest free of `object`; one that is all zero where it is not remembered.
    [[nodiscard]] one find(std::uintptr_t object) noexcept {
        locked const guard{guard_};
        for (std::size_t i = 0; i < count; ++i) {
            one const& b = ring_[(next_ - 1 - i) % count];
            if (b.object == object) return b;
        }
        return {};
    }

    /// The newest free of the block that an address lay in.
    [[nodiscard]] one find_around(std::uintptr_t address) noexcept {
        locked const guard{guard_};
        for (std::size_t i = 0; i < count; ++i) {
            one const& b = ring_[(next_ - 1 - i) % count];
            if (b.object != 0 && address >= b.object && address - b.object < b.bytes + (b.bytes == 0)) return b;
        }
        return {};
    }

    void lock_for_fork() { guard_.lock(); }
    void unlock_after_fork() { guard_.unlock(); }

private:
    static constexpr std::size_t count = 64;
    typename A::sync::mutex guard_{};
    std::size_t next_ = 0;
    one ring_[count]{};
};

}  // namespace framealloc::detail
