// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/checkpoint.hpp>
#include <framealloc/detail/atomic.hpp>
#include <framealloc/detail/call_site.hpp>
#include <framealloc/detail/platform/platform.hpp>
#include <framealloc/policy.hpp>

#include <new>

// What lets a `frame_ptr` know that its memory is gone: the part of a frame that it was made in has an epoch, which outlives
// frame, thread and instance, and is told when that part ends. Parts that nobody has made such a pointer in have none.

namespace framealloc::inline v0_1::detail {

/// A thread's place for what its epochs refer to. It is never freed; the next thread, or instance, uses it again.
struct epoch_home {
    epoch_home* next = nullptr;
    atomic<unsigned long long> frame{0};  ///< the number of the thread's newest frame
    struct frame_epoch* dead_first = nullptr;
    struct frame_epoch* dead_last = nullptr;
    std::size_t dead = 0;
};

/// The life of one part of a frame. Never freed; used again only after many others have died, with another life.
struct frame_epoch {
    atomic<unsigned long long> life{1};  ///< odd while it lives
    atomic<void const*> ended_at{nullptr};
    atomic<frame_end> how{};
    epoch_home* home = nullptr;
    frame_epoch* next = nullptr;      ///< below it on the stack, or in the line of the dead
    unsigned long long sequence = 0;  ///< of the mark that its part of the frame began with; 0 for the frame's own
};

/// Homes that no thread uses. All at once are taken, and the rest put back, so that none is seen twice.
inline constinit atomic<epoch_home*> vacant_homes{nullptr};

/// What a pointer remembers of the part of the frame that it was made in.
struct frame_claim {
    frame_epoch const* epoch = nullptr;  ///< null: there was no memory for one, and nothing is known
    unsigned long long life = 0;
    unsigned long long frame = 0;
    void const* made_at = nullptr;

    [[nodiscard]] FRAMEALLOC_HOT bool is_live() const noexcept {
        // relaxed: who uses the pointer while the frame ends elsewhere races with it anyhow.
        return epoch == nullptr || epoch->life.load(order::relaxed) == life;
    }
};

/// The epochs of a thread's frame, newest part first.
///
///   Cost      Nothing until a `frame_ptr` is made; then O(1) for each pointer, and for each part that ends.
///   Threads   The owner's, as the frame; what a claim reads may be read by any thread, at any time.
template <class A>
class frame_epochs<A, true> {
    static constexpr std::size_t in_flight = frames_in_flight_of<typename A::arena>;
    static constexpr std::size_t kept_dead = 1024;  ///< that tell how they ended, before they live again

public:
    /// For a pointer made now, in the part that began with the mark `sequence`, 0 for the frame's own.
    [[nodiscard]] FRAMEALLOC_COLD frame_claim claim(unsigned long long sequence, unsigned long long frame,
                                                    call_site at) noexcept {
        frame_epoch* e = stacks_[now_];
        // A part that was committed ends with the one around it.
        if (e == nullptr || e->sequence < sequence) {
            e = take();
            if (e == nullptr) return {};
            e->sequence = sequence;
            e->next = stacks_[now_];
            stacks_[now_] = e;
        }
        home_->frame.store(frame, order::relaxed);
        return {.epoch = e, .life = e->life.load(order::relaxed), .frame = frame, .made_at = at.address};
    }

    void frame_begins(unsigned long long number) noexcept {
        begun_at_.store(calling_site, order::relaxed);
        if (home_ != nullptr) home_->frame.store(number, order::relaxed);
    }
    /// The parts that began with the mark `sequence` or later are gone.
    void part_ends(unsigned long long sequence, frame_end how) noexcept {
        while (stacks_[now_] != nullptr && stacks_[now_]->sequence >= sequence) end_newest(now_, how);
    }
    /// The frame has ended, and with it the one whose memory it is that goes.
    void frame_ends(frame_end how) noexcept {
        now_ = (now_ + 1) % in_flight;
        while (stacks_[now_] != nullptr) end_newest(now_, how);
    }
    /// All frames are gone, and the thread with this instance.
    FRAMEALLOC_COLD void release(frame_end how) noexcept {
        for (std::size_t i = 0; i < in_flight; ++i) frame_ends(how);
        if (home_ == nullptr) return;
        give_home_back(home_);
        home_ = nullptr;
    }

    /// Where the newest frame was begun; null where that is not known. Any thread.
    [[nodiscard]] void const* begun_at() const noexcept { return begun_at_.load(order::relaxed); }

    /// Where the call is that ends things now.
    void ends_at(call_site at) noexcept { ending_at_ = at.address; }
    /// Where the newest call was that ended something; null where there was none.
    [[nodiscard]] void const* ended_at() const noexcept { return ending_at_; }

private:
    void end_newest(std::size_t stack, frame_end how) noexcept {
        frame_epoch* const e = stacks_[stack];
        stacks_[stack] = e->next;
        e->ended_at.store(ending_at_, order::relaxed);
        e->how.store(how, order::relaxed);
        // release: who sees the new life sees how the old one ended.
        e->life.store(e->life.load(order::relaxed) + 1, order::release);
        e->next = nullptr;
        (home_->dead_last != nullptr ? home_->dead_last->next : home_->dead_first) = e;
        home_->dead_last = e;
        ++home_->dead;
    }

    [[nodiscard]] frame_epoch* take() noexcept {
        if (home_ == nullptr) home_ = take_home();
        if (home_ == nullptr) return nullptr;
        if (home_->dead <= kept_dead && !add_some()) return nullptr;
        frame_epoch* const e = home_->dead_first;
        home_->dead_first = e->next;
        if (e->next == nullptr) home_->dead_last = nullptr;
        --home_->dead;
        if (e->life.load(order::relaxed) % 2 == 0) e->life.store(e->life.load(order::relaxed) + 1, order::relaxed);
        return e;
    }

    /// Fresh ones go before the dead, so that these stay readable for long.
    [[nodiscard]] bool add_some() noexcept {
        constexpr std::size_t bytes = std::size_t{16} << 10;
        void* const p = platform::reserve(bytes, alignof(frame_epoch));
        if (p == nullptr) return false;
        if (!platform::commit(p, bytes)) {
            static_cast<void>(platform::release(p, bytes));
            return false;
        }
        for (std::size_t i = 0; i < bytes / sizeof(frame_epoch); ++i) {
            auto* const e = ::new (behind(p, i * sizeof(frame_epoch))) frame_epoch;
            e->home = home_;
            e->next = home_->dead_first;
            home_->dead_first = e;
            if (home_->dead_last == nullptr) home_->dead_last = e;
            ++home_->dead;
        }
        return true;
    }

    [[nodiscard]] static epoch_home* take_home() noexcept {
        if (epoch_home* const first = vacant_homes.exchange(nullptr, order::acquire)) {
            for (epoch_home* rest = first->next; rest != nullptr;) {
                epoch_home* const next = rest->next;
                give_home_back(rest);
                rest = next;
            }
            return first;
        }
        std::size_t const bytes = platform::page_bytes();
        void* const p = platform::reserve(bytes, alignof(epoch_home));
        if (p == nullptr) return nullptr;
        if (platform::commit(p, bytes)) return ::new (p) epoch_home;
        static_cast<void>(platform::release(p, bytes));
        return nullptr;
    }
    static void give_home_back(epoch_home* h) noexcept {
        h->next = vacant_homes.load(order::relaxed);
        while (!vacant_homes.compare_exchange(h->next, h, order::release, order::relaxed)) {}
    }

    frame_epoch* stacks_[in_flight]{};
    std::size_t now_ = 0;
    epoch_home* home_ = nullptr;
    void const* ending_at_ = nullptr;
    atomic<void const*> begun_at_{nullptr};
};

}  // namespace framealloc::detail
