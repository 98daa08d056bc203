// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <atomic>
#include <cstddef>
#include <thread>

/// A ring of 4,096 places between one writer and one reader. Each looks at the other's position only when its own view of it
/// runs out.
class ring {
public:
    void put(void* p) {
        while (head_ - seen_tail_ == places) {
            seen_tail_ = tail_shared_.load(std::memory_order_acquire);
            if (head_ - seen_tail_ == places) std::this_thread::yield();
        }
        slots_[head_ % places] = p;
        head_shared_.store(++head_, std::memory_order_release);
    }
    void* take() {
        while (tail_ == seen_head_) {
            seen_head_ = head_shared_.load(std::memory_order_acquire);
            if (tail_ == seen_head_) std::this_thread::yield();
        }
        void* const p = slots_[tail_ % places];
        tail_shared_.store(++tail_, std::memory_order_release);
        return p;
    }

private:
    static constexpr std::size_t places = 4096;
    void* slots_[places]{};
    alignas(64) std::size_t head_ = 0;
    std::size_t seen_tail_ = 0;
    alignas(64) std::size_t tail_ = 0;
    std::size_t seen_head_ = 0;
    alignas(64) std::atomic<std::size_t> head_shared_{0};
    alignas(64) std::atomic<std::size_t> tail_shared_{0};
};
