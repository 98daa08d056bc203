// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/frame_chunk.hpp>

namespace framealloc::inline v0_1 {

namespace detail {

struct finaliser;

/// A place that the frame may be rewound to: of an open scope or of a checkpoint, in one list per thread, newest first.
struct frame_mark {
    frame_mark* older = nullptr;
    frame_position position{};
    finaliser* finalisers = nullptr;  ///< the newest one at the time
    unsigned long long sequence = 0;  ///< counts the thread's marks, so that a dead one is never taken for a live one
    void* records = nullptr;          ///< the newest one at the time, where records are kept; written only there
    bool is_scope = false;
};

}  // namespace detail

/// A place in the calling thread's frame, to roll back to. It costs 64 bytes of the frame, is good for one roll-back, and
/// dies with the scope or the frame that it was taken in. Rolling back to a dead one, or on another thread, is reported
/// (FA006, FA007) and changes nothing. Movable, so that it may be kept; not copyable.
class [[nodiscard]] checkpoint {
public:
    constexpr checkpoint() noexcept = default;
    constexpr checkpoint(void const* thread, detail::frame_mark* mark, unsigned long long sequence) noexcept
        : thread_(thread), mark_(mark), sequence_(sequence) {}
    constexpr checkpoint(checkpoint&& other) noexcept
        : thread_(other.thread_), mark_(other.mark_), sequence_(other.sequence_) {
        other.mark_ = nullptr;
    }
    constexpr checkpoint& operator=(checkpoint&& other) noexcept {
        thread_ = other.thread_;
        mark_ = other.mark_;
        sequence_ = other.sequence_;
        if (this != &other) other.mark_ = nullptr;
        return *this;
    }

    /// False for one that was default-constructed, moved from, or refused for want of memory.
    [[nodiscard]] constexpr explicit operator bool() const noexcept { return mark_ != nullptr; }

    [[nodiscard]] constexpr void const* thread() const noexcept { return thread_; }
    [[nodiscard]] constexpr detail::frame_mark* mark() const noexcept { return mark_; }
    [[nodiscard]] constexpr unsigned long long sequence() const noexcept { return sequence_; }

private:
    void const* thread_ = nullptr;
    detail::frame_mark* mark_ = nullptr;
    unsigned long long sequence_ = 0;
};

}  // namespace framealloc
