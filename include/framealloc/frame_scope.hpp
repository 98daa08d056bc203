// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/detail/slow_paths.hpp>

namespace framealloc::inline v0_1 {

/// A stretch of a frame, as an object: what is allocated from the thread's frame while it lives is gone when it dies,
/// objects destroyed newest first. The outermost scope opens the thread's frame if none is open; inner ones nest.
///
/// It has the frame verbs itself, without the look-up of the thread's state. It stays on the thread and in the block that
/// made it: it can neither be copied nor moved, and leaving it elsewhere or out of order is reported (FA006, FA007).
template <class A>
class [[nodiscard]] frame_scope : public frame_verbs<frame_scope<A>, A> {
public:
    /// Throws `allocation_failure` when the thread has no state and cannot get one. Beyond eight open scopes each takes 64
    /// bytes of the frame, and throws where there is no room.
    FRAMEALLOC_HOT explicit frame_scope(detail::core<A>& owner) : frame_scope(owner.enter_scope()) {}
    FRAMEALLOC_HOT ~frame_scope() {
        state_.shared().leave_scope(state_, mark_, sequence_, opened_frame_, detail::here<A>());
    }
    frame_scope(frame_scope const&) = delete;
    frame_scope& operator=(frame_scope const&) = delete;

    // What the verbs are built on.
    [[nodiscard]] FRAMEALLOC_HOT detail::hot_state& hot() noexcept { return state_; }
    [[nodiscard]] detail::core<A>& shared() noexcept { return state_.shared(); }
    [[nodiscard]] detail::thread_state<A>* state() noexcept { return &state_; }
    FRAMEALLOC_HOT void* frame_miss(layout request) noexcept { return state_.frame_miss(request); }
    FRAMEALLOC_HOT void* frame_miss_or_throw(layout request) { return state_.frame_miss_or_throw(request); }

private:
    FRAMEALLOC_HOT explicit frame_scope(typename detail::core<A>::entered_scope const& entered) noexcept
        : state_(*entered.state),
          mark_(entered.mark),
          sequence_(entered.sequence),
          opened_frame_(entered.opened_frame) {}

    // Values, and nothing that anybody else points to: so the way to the state stays in a register.
    detail::thread_state<A>& state_;
    detail::frame_mark* mark_;
    unsigned long long sequence_;
    bool opened_frame_;
};

/// Rolls the frame back when it dies, unless `commit()` was called: what was allocated meanwhile is gone, objects
/// destroyed newest first. For work that may turn out to be in vain.
template <class A>
class [[nodiscard]] rollback_guard {
public:
    /// Throws `allocation_failure` outside a frame, or when the frame has no room for the mark.
    explicit rollback_guard(detail::core<A>& owner)
        : owner_(owner), checkpoint_(owner.make_checkpoint(owner.state_or_throw(), true)) {}
    FRAMEALLOC_HOT ~rollback_guard() {
        if (checkpoint_) owner_.roll_back(owner_.state_if_any(), checkpoint_, detail::here<A>());
    }
    rollback_guard(rollback_guard const&) = delete;
    rollback_guard& operator=(rollback_guard const&) = delete;

    /// Keeps what was allocated. False, and reported, where the mark is dead.
    bool commit() {
        bool const kept = owner_.commit(owner_.state_if_any(), checkpoint_);
        checkpoint_ = {};
        return kept;
    }

private:
    detail::core<A>& owner_;
    checkpoint checkpoint_;
};

namespace detail {

/// Work that may turn out to be in vain: calls `f()`, and rolls the calling thread's frame back to where it was before if the
/// answer is false, or if it throws; objects are destroyed newest first. What `f` answers is answered: a bool, a pointer, an
/// `std::optional`, whatever is true or false. Where it answers nothing, only an exception rolls back.
///
///   Cost      A checkpoint: 64 bytes of the frame and a few stores, and what `rollback` costs. They nest.
///   Failure   Outside a frame, or where it has no room for the mark, `allocation_failure`, and `f` has not been called. If `f`
///             ends the frame or the scope that it was called in, that is reported (FA006), and nothing is rolled back.
template <class A, class F>
auto speculate(core<A>& owner, F&& f) -> decltype(static_cast<F&&>(f)()) {
    using answer = decltype(static_cast<F&&>(f)());
    rollback_guard<A> guard{owner};
    if constexpr (std::is_void_v<answer>) {
        static_cast<F&&>(f)();
        static_cast<void>(guard.commit());
    } else {
        answer result = static_cast<F&&>(f)();
        if (static_cast<bool>(result)) static_cast<void>(guard.commit());
        return result;
    }
}

}  // namespace detail

}  // namespace framealloc
