// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

// What watches an allocator: a part of its diagnostics policy that is told of each allocation and of each free. A policy has
// one by a member `template <class A> class observer`, of which every instance makes one. It may say any of these, and pays
// for those alone that it says:
//
//     void on_request(caller who, layout asked, allocation_intent for_what, call_site at)
//             before anything is allocated. It may throw out of the verbs that may, and then nothing has changed.
//     void on_allocate(caller who, void* object, layout asked, allocation_intent for_what, call_site at) noexcept
//     void on_extend(caller who, void* object, std::size_t old_bytes, std::size_t new_bytes, call_site at) noexcept
//             a frame's newest object has another size
//     void on_free(caller who, void* object, allocation_intent for_what, call_site at) noexcept
//             before its memory can be anybody else's
//     void on_frame_end(caller who, unsigned long long last_gone) noexcept
//             the objects of a thread's frames up to this number are gone; `who` has that thread's frame, see
//             `frame_serial`, though another thread may make the call
//     void on_instance_end(core&) noexcept     when all frames have ended and nothing has been given back yet
//     void lock_for_fork(), void unlock_after_fork()
//     static constexpr bool reports_live_blocks = true     it names the blocks that an instance takes with it, which nobody
//             else does then
//
// and, for what it wants to keep of each thread's frame, a trivially destructible `class frame_part` with
//
//     void on_rewind(observer&, F const& is_gone) noexcept      a scope's end or a roll-back has taken back the newest objects,
//                                                    those at the addresses for which `is_gone(address)` is true
//
// `caller` is `observed_caller<A>`, or, in a composition, something that is derived from it: an observer that has a
// `frame_part` takes it as a template parameter. No lock of ours is held meanwhile. An observer may allocate from another allocator; from
// the one that it observes it must not, unless it sees to it that it does not come round for ever.

#include <framealloc/detail/atomic.hpp>
#include <framealloc/detail/call_site.hpp>
#include <framealloc/detail/owner_allowance.hpp>
#include <framealloc/detail/tag_hooks.hpp>
#include <framealloc/intent.hpp>
#include <framealloc/layout.hpp>
#include <framealloc/policy.hpp>

namespace framealloc::inline v0_1 {

namespace detail {
template <class A>
class core;
template <class A>
class thread_state;
}  // namespace detail

/// Where a verb was called: an address in the code, which reports name.
using call_site = detail::call_site;

// The optional members of an observer `O`, each by itself.
template <class O, class Caller>
concept observes_requests =
    requires(O& o, Caller who, layout asked, allocation_intent i, call_site at) { o.on_request(who, asked, i, at); };
template <class O, class Caller>
concept observes_allocations = requires(O& o, Caller who, void* p, layout asked, allocation_intent i, call_site at) {
    { o.on_allocate(who, p, asked, i, at) } noexcept;
};
template <class O, class Caller>
concept observes_extensions = requires(O& o, Caller who, void* p, std::size_t bytes, call_site at) {
    { o.on_extend(who, p, bytes, bytes, at) } noexcept;
};
template <class O, class Caller>
concept observes_frees = requires(O& o, Caller who, void* p, allocation_intent i, call_site at) {
    { o.on_free(who, p, i, at) } noexcept;
};
template <class O, class Caller>
concept observes_frame_ends = requires(O& o, Caller who, unsigned long long last_gone) {
    { o.on_frame_end(who, last_gone) } noexcept;
};
template <class O, class Instance>
concept observes_the_end = requires(O& o, Instance& instance) {
    { o.on_instance_end(instance) } noexcept;
};
template <class O>
concept observes_forks = requires(O& o) {
    o.lock_for_fork();
    o.unlock_after_fork();
};
template <class O>
concept keeps_a_frame_part = requires { typename O::frame_part; };

/// Who makes the call that an observer is told of: the instance, and the thread with its frame. Each answer is found when it
/// is asked for. Good for the time of the call.
template <class A>
class observed_caller {
public:
    observed_caller(detail::core<A>& instance, detail::thread_state<A>* state = nullptr) noexcept
        : instance_(&instance), state_(state) {}

    /// The instance's number; see `id()` of an allocator.
    [[nodiscard]] unsigned long long instance() const noexcept { return instance_->id.load(detail::order::relaxed); }
    /// The calling thread's number, which no other thread of the process has had.
    [[nodiscard]] unsigned long long thread() const noexcept { return detail::core<A>::thread_number(); }
    /// How many frames the thread has begun or joined.
    [[nodiscard]] unsigned long long frame() const noexcept {
        auto* const s = state();
        return s != nullptr ? s->frame.number() : 0;
    }
    /// The same, counted on from the thread that had this thread's record before: what `on_frame_end` speaks of.
    [[nodiscard]] unsigned long long frame_serial() const noexcept {
        auto* const s = state();
        return s != nullptr ? s->frame.begun() : 0;
    }
    /// The tag that the thread allocates under.
    [[nodiscard]] detail::tag_id tag() const noexcept {
        if constexpr (charges_tags<typename A::budget>) {
            if (auto* const s = state()) return s->tags.tag();
        }
        return detail::root_tag;
    }
    /// What the observer keeps of the thread's frame; null while the thread has no state.
    [[nodiscard]] auto* frame_part() const noexcept {
        auto* const s = state();
        return s != nullptr ? &s->frame.observed().part() : nullptr;
    }

private:
    /// Without making one: a free needs none, and a request that is refused may never get one.
    [[nodiscard]] detail::thread_state<A>* state() const noexcept {
        return state_ != nullptr ? state_ : instance_->state_if_any();
    }

    detail::core<A>* instance_;
    detail::thread_state<A>* state_;
};

namespace detail {

/// The part of `core` that tells the instance's observer.
template <class A>
class observation {
public:
    using observer_type = typename A::diagnostics::template observer<A>;
    using caller = observed_caller<A>;

    [[nodiscard]] observer_type& observer() noexcept { return observer_; }

    FRAMEALLOC_HOT void observe_request(layout asked, allocation_intent intent, call_site at) {
        if constexpr (observes_requests<observer_type, caller>) {
            observer_.on_request(caller{self()}, asked, intent, at);
        }
    }
    FRAMEALLOC_HOT void observe_allocation(void* object, layout asked, allocation_intent intent,
                                           call_site at) noexcept {
        if constexpr (observes_allocations<observer_type, caller>) {
            if (object == nullptr) [[unlikely]]
                return;
            thread_state<A>* s = nullptr;
            if constexpr (observed_frame<A>::keeps_a_part) {
                s = self().state_if_any();
                if (s != nullptr) s->frame.observed().watch(*this);
            }
            observer_.on_allocate(caller{self(), s}, object, asked, intent, at);
        }
    }
    void observe_extension(void* object, std::size_t old_bytes, std::size_t new_bytes, call_site at) noexcept {
        if constexpr (observes_extensions<observer_type, caller>) {
            observer_.on_extend(caller{self()}, object, old_bytes, new_bytes, at);
        }
    }
    FRAMEALLOC_HOT void observe_free(void* object, allocation_intent intent, call_site at) noexcept {
        if constexpr (observes_frees<observer_type, caller>) {
            observer_.on_free(caller{self()}, object, intent, at);
        }
    }
    void observe_frame_end(thread_state<A>& s) noexcept {
        if constexpr (observes_frame_ends<observer_type, caller>) {
            constexpr unsigned long long still_alive = frames_in_flight_of<typename A::arena> - 1;
            unsigned long long const begun = s.frame.begun();
            observer_.on_frame_end(caller{self(), &s}, begun > still_alive ? begun - still_alive : 0);
        }
    }
    void observe_end() noexcept {
        if constexpr (observes_the_end<observer_type, core<A>>) observer_.on_instance_end(self());
    }
    void lock_observer_for_fork() {
        if constexpr (observes_forks<observer_type>) observer_.lock_for_fork();
    }
    void unlock_observer_after_fork() {
        if constexpr (observes_forks<observer_type>) observer_.unlock_after_fork();
    }

private:
    [[nodiscard]] FRAMEALLOC_HOT core<A>& self() noexcept { return static_cast<core<A>&>(*this); }

    [[no_unique_address]] observer_type observer_{};
};

/// The part of a thread's frame that belongs to the observer.
template <class A>
class observed_frame {
    using observer = typename A::diagnostics::template observer<A>;
    struct no_part {};
    struct no_observer {};
    template <class O>
    struct part_of {
        using type = no_part;
    };
    template <keeps_a_frame_part O>
    struct part_of<O> {
        static_assert(
            std::is_trivially_destructible_v<typename O::frame_part>,
            "framealloc: an observer's frame_part is trivially destructible: a thread's state goes with its memory");
        using type = typename O::frame_part;
    };

public:
    static constexpr bool keeps_a_part = keeps_a_frame_part<observer>;

    [[nodiscard]] auto& part() noexcept { return part_; }
    void watch(observation<A>& by) noexcept { observer_ = &by; }
    template <class F>
    void rewound(F const& is_gone) noexcept {
        if constexpr (keeps_a_part) {
            if (observer_ != nullptr) part_.on_rewind(observer_->observer(), is_gone);
        }
    }

private:
    [[no_unique_address]] typename part_of<observer>::type part_{};
    [[no_unique_address]] std::conditional_t<keeps_a_part, observation<A>*, no_observer> observer_{};
};

}  // namespace detail
}  // namespace framealloc
