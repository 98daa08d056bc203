// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/detail/places.hpp>
#include <framealloc/group/group.hpp>
#include <framealloc/promotion/detail/promotion_attempt.hpp>
#include <framealloc/promotion/retention.hpp>

// Objects of a frame that move to another home when the frame ends, if they are still wanted then. The handle that keeps one
// points to it before and after:
//
//     auto best = frame_retained<path>(alloc, retention::pool, from, to);    // in the frame
//     best->refine();
//     alloc.end_frame();                                                      // moves it to a pool
//     best->follow();

namespace framealloc::inline v0_1 {

template <class T, class A>
class retained;

/// Where a retained object is to go: a `retention`, an `importance`, or a group.
template <class A>
class retention_goal {
public:
    constexpr retention_goal(retention where) noexcept : where_(where) {}
    constexpr retention_goal(importance worth) noexcept : where_(retention_for(worth)) {}
    retention_goal(group_ref<A> const& level) noexcept : group_(level), where_(retention::group) {}
    retention_goal(group<A> const& level) noexcept : retention_goal(level.ref()) {}

    [[nodiscard]] constexpr retention where() const noexcept { return where_; }
    [[nodiscard]] group_ref<A>& level() noexcept { return group_; }

private:
    group_ref<A> group_{};
    retention where_;
};

namespace detail {

/// The tag that a thread allocates under, where tags are charged: what is moved later is charged to it, too.
template <class A, bool Tags = charges_tags<typename A::budget>>
struct remembered_tag {
    explicit remembered_tag(thread_state<A>&) noexcept {}
};
template <class A>
struct remembered_tag<A, true> {
    unsigned tag;
    explicit remembered_tag(thread_state<A>& s) noexcept : tag(static_cast<unsigned>(s.tags.current.tag())) {}
    [[nodiscard]] unsigned number() const noexcept { return tag; }
};

/// In the frame: the object, and who keeps it. The frame's finaliser destroys this, and so moves the object out before.
template <class T, class A>
class retained_object {
    static_assert(std::is_move_constructible_v<T> && !std::is_const_v<T>,
                  "framealloc: a retained object is moved out of its frame; this type can be neither moved nor copied");

public:
    template <class... Args>
    retained_object(core<A>& owner, retention_goal<A> const& to, site_of<A> at,
                    Args&&... args) noexcept(std::is_nothrow_constructible_v<T, Args...>)
        : goal(to), state_(*owner.state_if_any()), tag_(state_), made_at_(at) {
        detail::construct<T>(static_cast<void*>(&object), [] {}, static_cast<Args&&>(args)...);
    }
    retained_object(retained_object const&) = delete;
    retained_object& operator=(retained_object const&) = delete;
    ~retained_object() {
        settle();
        destroy_backwards(&object, 1);
    }

    retained<T, A>* keeper = nullptr;
    retention_goal<A> goal;

private:
    [[nodiscard]] bool goes_with_frame() const noexcept {
        frame_kind const kind = state_.frame.kind();
        bool const ends = kind == frame_kind::ending || kind == frame_kind::shared;
        return !ends || keeper == nullptr || goal.where() == retention::discard;
    }
    void settle() noexcept {
        if (goes_with_frame()) {
            count_promotion(&state_, &promotion_counts::discarded);
            if (keeper != nullptr)
                keeper->settled(retention::discard, nullptr, state_.shared(), promotion_failure::none);
            return;
        }
        retention const where = goal.where();  // now: the move may change the object's own handle
        promotion_failure why = promotion_failure::out_of_memory;
        T* kept = nullptr;
        FRAMEALLOC_TRY { kept = move(where, why); }
        FRAMEALLOC_CATCH_ALL {}
        if (kept != nullptr) why = promotion_failure::none;
        retained<T, A> nobody;  // what is not kept any more goes at once
        (keeper != nullptr ? *keeper : nobody).settled(where, kept, state_.shared(), why);
        if (kept == nullptr) report_lost(why);
    }
    [[nodiscard]] T* move(retention where, promotion_failure& why) {
        core<A>& owner = state_.shared();
        if (owner.state() == nullptr) return count_lost(why);  // which the scope would throw for
        [[maybe_unused]] tag_scope<A> const charged{owner, tag_};
        switch (where) {
            case retention::pool: return move_home<false>(&state_, pool_home<A>{&owner}, &object, 1, why);
            case retention::heap: return move_home<false>(&state_, heap_home<A>{&owner}, &object, 1, why);
            default: break;
        }
        if (goal.level().is_live())
            return move_home<false>(&state_, group_home<group_ref<A>>{goal.level()}, &object, 1, why);
        why = promotion_failure::group_not_live;
        return count_lost(why);
    }
    [[nodiscard]] T* count_lost(promotion_failure why) noexcept {
        count_promotion(&state_, counter_of(why));
        return nullptr;
    }
    FRAMEALLOC_COLD void report_lost(promotion_failure why) {
        fault f = said(fault_code::promotion_failed,
                       why == promotion_failure::over_budget      ? "an object of %llu bytes: a budget said no"
                       : why == promotion_failure::group_not_live ? "an object of %llu bytes: its group is not alive"
                       : why == promotion_failure::move_threw ? "an object of %llu bytes: its move constructor threw"
                                                              : "an object of %llu bytes: there is no memory for it",
                       sizeof(T));
        fault_sites sites;
        if constexpr (keeps_records<A>) {
            sites = {.mistake_at = calling_site, .allocated_at = made_at_.address, .write = &write_places_of_block};
            f.sites = &sites;
        }
        with_place(state_.shared(), f);
    }

    thread_state<A>& state_;
    [[no_unique_address]] remembered_tag<A> tag_;
    [[no_unique_address]] site_of<A> made_at_;

public:
    union {
        T object;  // last: what is written behind it meets its canary
    };
};

}  // namespace detail

/// The only owner of an object that outlives its frame: in the frame until the frame or the scope that it was made in ends,
/// then where it was to go. Movable; empty at first.
///
/// What is rolled back, or was not to be kept, is gone afterwards, and the handle is empty. So it is where the new home
/// refused: `failure()` says why, the frame's summary counts it, and it is reported (FA012), since the object is lost.
///
///   Cost      A pointer's. The object takes some 40 bytes more of the frame than one with a destructor; settling it is a move
///             and an allocation, in the order of the frame's destructors, under the tag that it was made under.
///   Threads   While the object is in the frame the handle is its thread's, and rests while `end_frame_all()` runs. Later any.
///   Failure   See above. A frame's end moves, and does not throw: what the move throws ends there.
///   Lifetime  A promoted object lives as long as the handle, the group as its group; the instance outlives both. With the
///             end of an instance the objects in its open frames are gone.
template <class T, class A>
class [[nodiscard]] retained {
    using in_frame = detail::retained_object<T, A>;

public:
    using assembly_type = A;
    constexpr retained() noexcept = default;
    /// Of what `frame_retained` makes.
    explicit retained(in_frame* made) noexcept : frame_(made) {
        if (made == nullptr) return;
        object_ = &made->object;
        made->keeper = this;
    }
    retained(retained&& other) noexcept { take_over(other); }
    retained& operator=(retained&& other) noexcept {
        if (this != &other) {
            reset();
            take_over(other);
        }
        return *this;
    }
    ~retained() { reset(); }

    [[nodiscard]] T* get() const noexcept { return object_; }
    [[nodiscard]] T& operator*() const noexcept { return *object_; }
    [[nodiscard]] T* operator->() const noexcept { return object_; }
    [[nodiscard]] explicit operator bool() const noexcept { return object_ != nullptr; }

    [[nodiscard]] bool is_in_frame() const noexcept { return frame_ != nullptr; }
    /// Where it is, or in the frame where it is to go; `discard` where there is none.
    [[nodiscard]] retention where() const noexcept { return frame_ != nullptr ? frame_->goal.where() : where_; }
    /// Why there is none, if that is the new home's fault.
    [[nodiscard]] promotion_failure failure() const noexcept { return failure_; }

    /// Sends it somewhere else. False, and nothing has changed, where it is not in the frame any more.
    bool keep_as(retention_goal<A> const& goal) noexcept {
        if (frame_ == nullptr) return false;
        frame_->goal = goal;
        return true;
    }
    /// Gives it up: what is in the frame goes with it, what is in a pool or the heap now; a group's stays the group's.
    void reset() noexcept {
        if (frame_ != nullptr) {
            frame_->keeper = nullptr;
        } else if (where_ == retention::pool) {
            detail::destroy_backwards(object_, 1);
            owner_->pool_free(static_cast<void*>(object_), layout::of<T>());
        } else if (where_ == retention::heap) {
            detail::destroy_backwards(object_, 1);
            owner_->heap_free(static_cast<void*>(object_), layout::of<T>());
        }
        forget();
    }

    // Hands a promoted object to an owner of its own; empty, and nothing has changed, where it is not there.
    [[nodiscard]] pool_ptr<T, A> take_from_pool() noexcept {
        T* const object = take(retention::pool);
        return object != nullptr ? pool_ptr<T, A>{object, *owner_} : pool_ptr<T, A>{};
    }
    [[nodiscard]] heap_ptr<T, A> take_from_heap() noexcept {
        T* const object = take(retention::heap);
        return object != nullptr ? heap_ptr<T, A>{object, *owner_} : heap_ptr<T, A>{};
    }
    /// The group owns it.
    [[nodiscard]] T* take_from_group() noexcept { return take(retention::group); }

private:
    friend in_frame;
    void settled(retention where, T* kept, detail::core<A>& owner, promotion_failure why) noexcept {
        where_ = kept != nullptr ? where : retention::discard;
        failure_ = why;
        owner_ = &owner;
        object_ = kept;
        frame_ = nullptr;
    }
    [[nodiscard]] T* take(retention from) noexcept {
        if (frame_ != nullptr || where_ != from) return nullptr;
        T* const object = object_;
        object_ = nullptr;
        where_ = retention::discard;
        return object;
    }
    void forget() noexcept {
        object_ = nullptr;
        frame_ = nullptr;
        where_ = retention::discard;
        failure_ = promotion_failure::none;
    }
    void take_over(retained& other) noexcept {
        object_ = other.object_;
        frame_ = other.frame_;
        owner_ = other.owner_;
        where_ = other.where_;
        failure_ = other.failure_;
        if (frame_ != nullptr) frame_->keeper = this;
        other.forget();
    }

    T* object_ = nullptr;
    in_frame* frame_ = nullptr;
    detail::core<A>* owner_ = nullptr;
    retention where_ = retention::discard;
    promotion_failure failure_ = promotion_failure::none;
};

/// A new `T` in the calling thread's frame, as `frame_new`, and who keeps it beyond. `from` is an allocator, its handle, a
/// `frame_scope` or `local()`.
template <class T, detail::has_frames From, class... Args>
[[nodiscard]] FRAMEALLOC_HOT auto frame_retained(From& from, retention_goal<detail::assembly_of<From>> const& goal,
                                                 Args&&... args) {
    using A = detail::assembly_of<From>;
    return retained<T, A>{from.template frame_new<detail::retained_object<T, A>>(from.shared(), goal, detail::here<A>(),
                                                                                 static_cast<Args&&>(args)...)};
}
/// The same; empty where the frame refuses it.
template <class T, detail::has_frames From, class... Args>
[[nodiscard]] FRAMEALLOC_HOT auto try_frame_retained(From& from, retention_goal<detail::assembly_of<From>> const& goal,
                                                     Args&&... args) {
    using A = detail::assembly_of<From>;
    return retained<T, A>{from.template try_frame_new<detail::retained_object<T, A>>(
        from.shared(), goal, detail::here<A>(), static_cast<Args&&>(args)...)};
}

/// What was promoted out of the calling thread's frame, discarded and refused, so far, or, between frames, of the last one. All
/// zero where operations are not counted.
template <detail::has_frames From>
[[nodiscard]] promotion_counts promotions(From& from) noexcept {
    using A = detail::assembly_of<From>;
    if constexpr (A::diagnostics::counts_operations) {
        detail::thread_state<A>* const s = from.shared().state_if_any();
        if (s != nullptr && s->journal.promotions.frame == s->frame.number()) return s->journal.promotions.counts;
    }
    return {};
}

}  // namespace framealloc
