// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/basic_smart_alloc.hpp>
#include <framealloc/frame_ptr.hpp>
#include <framealloc/promotion_counts.hpp>

namespace framealloc::inline v0_1::detail {

/// What objects can be promoted through: an allocator, its handle, a `frame_scope`, `local()`.
template <class From>
concept has_frames = requires(From& from) { from.shared().state_if_any(); };

/// Counts what is promoted out of a thread's frame, where operations are counted.
template <class A>
void count_promotion([[maybe_unused]] thread_state<A>* s, [[maybe_unused]] unsigned long long promotion_counts::* what,
                     [[maybe_unused]] std::size_t bytes = 0) noexcept {
    if constexpr (A::diagnostics::counts_operations) {
        if (s == nullptr) return;
        promotion_record& r = s->journal.promotions;
        if (r.frame != s->frame.number()) r = {.frame = s->frame.number()};
        ++(r.counts.*what);
        r.counts.bytes_promoted += bytes;
    }
}
[[nodiscard]] inline unsigned long long promotion_counts::* counter_of(promotion_failure why) noexcept {
    switch (why) {
        case promotion_failure::out_of_memory: return &promotion_counts::out_of_memory;
        case promotion_failure::over_budget: return &promotion_counts::over_budget;
        case promotion_failure::group_not_live: return &promotion_counts::group_not_live;
        case promotion_failure::move_threw: return &promotion_counts::moves_threw;
        default: return &promotion_counts::not_promotable;
    }
}

/// One try to give an object of `s`'s frame a new home in an instance of the assembly `To`. Unless it is told of success it
/// counts a failure, however the try was left, and tells `told` which: by what that instance has said to this thread since the
/// try began.
template <class A, class To = A>
class promotion_attempt {
public:
    /// `to` is who is asked for memory, on the calling thread; null where there is no group.
    promotion_attempt(thread_state<A>* s, core<To>* to, promotion_failure& told) noexcept
        : state_(s), to_(to), told_(told) {
        if (to != nullptr) to->gate().note(fault_code::internal);
    }
    ~promotion_attempt() {
        if (is_over_) return;
        told_ = reason();
        count_promotion(state_, counter_of(told_));
    }
    promotion_attempt(promotion_attempt const&) = delete;
    promotion_attempt& operator=(promotion_attempt const&) = delete;

    void succeed(unsigned long long promotion_counts::* to, std::size_t bytes) noexcept {
        is_over_ = true;
        count_promotion(state_, to, bytes);
    }
    /// What fails now, without the instance having refused memory, is the move.
    void has_memory() noexcept { otherwise_ = promotion_failure::move_threw; }
    void lacks_group() noexcept { otherwise_ = promotion_failure::group_not_live; }

private:
    [[nodiscard]] promotion_failure reason() const noexcept {
        if (to_ == nullptr) return otherwise_;
        switch (to_->gate().refusal()) {
            case fault_code::internal: return otherwise_;
            case fault_code::budget_exceeded:
            case fault_code::tag_budget_exceeded: return promotion_failure::over_budget;
            default: return promotion_failure::out_of_memory;
        }
    }

    thread_state<A>* state_;
    core<To>* to_;
    promotion_failure& told_;
    promotion_failure otherwise_ = promotion_failure::out_of_memory;
    bool is_over_ = false;
};

/// Moves `n` objects to `place`, or copies them where moving may throw and copying is possible: then what fails has changed
/// nothing. If a constructor throws, those that stand are destroyed, `undo()` is called, and the exception goes on.
template <class T, class Undo>
FRAMEALLOC_HOT void move_objects(T* from, T* place, std::size_t n, Undo&& undo) {
    std::size_t made = 0;
    auto const move_all = [&]() FRAMEALLOC_INLINED {
        for (; made < n; ++made) ::new (static_cast<void*>(place + made)) T(std::move_if_noexcept(from[made]));
    };
    if constexpr (std::is_nothrow_move_constructible_v<T>) {
        move_all();
    } else {
        FRAMEALLOC_TRY { move_all(); }
        FRAMEALLOC_CATCH_ALL {
            destroy_backwards(place, made);
            undo();
            FRAMEALLOC_RETHROW;
        }
    }
}

// Homes: where the objects of a frame can move to. `move_in` answers where they are then; null where there is no room and
// `Throws` is false.

template <class A>
struct pool_home {
    using assembly_type = A;
    static constexpr auto counter = &promotion_counts::to_pool;
    core<A>* owner;

    template <bool Throws, class T, class Attempt>
    [[nodiscard]] FRAMEALLOC_HOT T* move_in(T* from, std::size_t n, Attempt& attempt) {
        layout const request = layout::array_of<T>(n);
        void* const place = Throws ? owner->pool_alloc(request) : owner->try_pool_alloc(request);
        if (place == nullptr) return nullptr;
        attempt.has_memory();
        move_objects(from, static_cast<T*>(place), n, [&] { owner->pool_free(place, request); });
        return static_cast<T*>(place);
    }
};
template <class A>
struct heap_home {
    using assembly_type = A;
    static constexpr auto counter = &promotion_counts::to_heap;
    core<A>* owner;

    template <bool Throws, class T, class Attempt>
    [[nodiscard]] FRAMEALLOC_HOT T* move_in(T* from, std::size_t n, Attempt& attempt) {
        layout const request = layout::array_of<T>(n);
        void* const place = Throws ? owner->heap_alloc(request) : owner->try_heap_alloc(request);
        if (place == nullptr) return nullptr;
        attempt.has_memory();
        move_objects(from, static_cast<T*>(place), n, [&] { owner->heap_free(place, request); });
        return static_cast<T*>(place);
    }
};
/// A group, of whatever instance; one object at a time. One that is not alive refuses, and says so.
template <class GroupRef>
struct group_home {
    using assembly_type = typename GroupRef::assembly_type;
    static constexpr auto counter = &promotion_counts::to_group;
    GroupRef group;
    core<assembly_type>* owner;

    explicit group_home(GroupRef const& of) noexcept
        : group(of), owner(of.is_live() ? &of.claim().state->owner() : nullptr) {}

    template <bool Throws, class T, class Attempt>
    [[nodiscard]] FRAMEALLOC_HOT T* move_in(T* from, std::size_t, Attempt& attempt) {
        attempt.has_memory();
        // However it is left: the group may be about to be freed, or have been by who was told of its limits.
        struct look_again {
            Attempt& attempt;
            GroupRef const& group;
            ~look_again() {
                if (!group.is_live() || group.claim().state->is_ending()) attempt.lacks_group();
            }
        } const afterwards{attempt, group};
        if constexpr (Throws) {
            return group.template make<T>(std::move_if_noexcept(*from));
        } else {
            return group.template try_make<T>(std::move_if_noexcept(*from));
        }
    }
};

/// Moves `n` objects from the frame of `s` to a home, and answers where they are. Where it answers null, or throws, those in
/// the frame are as they were; otherwise they are moved from.
template <bool Throws, class A, class T, class Home>
[[nodiscard]] FRAMEALLOC_HOT T* move_home(thread_state<A>* s, Home home, T* from, std::size_t n,
                                          promotion_failure& told) {
    promotion_attempt<A, typename Home::assembly_type> attempt{s, home.owner, told};
    T* const at = home.template move_in<Throws>(from, n, attempt);
    if (at != nullptr) attempt.succeed(Home::counter, n * sizeof(T));
    return at;
}

}  // namespace framealloc::detail
