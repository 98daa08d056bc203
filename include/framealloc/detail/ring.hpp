// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <cstddef>

namespace framealloc::inline v0_1::detail {

/// A bounded first-in first-out queue of pointers for one thread at a time: what an exchange is under a lock, or alone.
template <class T, std::size_t Depth>
class ring {
public:
    [[nodiscard]] bool try_put(T* item) noexcept {
        if (count_ == Depth) return false;
        items_[(first_ + count_++) % Depth] = item;
        return true;
    }
    [[nodiscard]] T* try_take() noexcept {
        if (count_ == 0) return nullptr;
        T* const item = items_[first_];
        first_ = (first_ + 1) % Depth;
        --count_;
        return item;
    }

private:
    T* items_[Depth]{};
    std::size_t first_ = 0;
    std::size_t count_ = 0;
};

}  // namespace framealloc::detail
