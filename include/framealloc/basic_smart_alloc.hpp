// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/config.hpp>
#include <framealloc/detail/policy_pack.hpp>
#include <framealloc/detail/reports.hpp>
#include <framealloc/detail/slow_paths.hpp>
#include <framealloc/frame_scope.hpp>
#include <framealloc/intent.hpp>
#include <framealloc/phase.hpp>
#include <framealloc/tag_scope.hpp>

#include <framealloc/arena/chunked.hpp>
#include <framealloc/backend/split.hpp>
#include <framealloc/backend/system.hpp>
#include <framealloc/backend/virtual_memory.hpp>
#include <framealloc/budget/none.hpp>
#include <framealloc/diagnostics/none.hpp>
#include <framealloc/pool/size_class.hpp>
#include <framealloc/sync/lock_free.hpp>

namespace framealloc::inline v0_1 {

/// What `attach_thread` prepares beyond the thread's state.
struct thread_warmth {
    /// Bytes of the first frame chunk to touch, so that the first frame meets no page fault. Cut to the chunk's size.
    std::size_t frame_bytes = 0;
};

template <class A>
class alloc_ref;
template <class A>
class tag_budgets;  // framealloc/tag_budgets.hpp
template <class A>
class group_registry;  // framealloc/group/group.hpp
template <class Alloc>
class streaming_allocator;  // framealloc/streaming/streaming_allocator.hpp
struct streaming_config;
template <class T, class A>
class frame_ptr;  // framealloc/frame_ptr.hpp, and so the next two
template <class T, class A>
class frame_ref;
template <class T, class A>
class frame_span;

/// An allocator instance: the policies of `A`, composed. `basic_smart_alloc` is the way to name one.
///
/// Each thread that uses it gets state of its own, at its first request or by `attach_thread`. Not copyable, not movable:
/// pass it by reference, or `ref()` by value. It may be constant-initialised (`constinit smart_alloc a;`) and used before
/// `main`. Its end destroys the objects in open frames and gives all memory back, in whatever order threads and instances
/// end; using it while or after it ends is undefined.
template <class A>
class composed_alloc : public frame_verbs<composed_alloc<A>, A>,
                       public pool_verbs<composed_alloc<A>, A>,
                       public heap_verbs<composed_alloc<A>, A>,
                       public detail::observer_verbs<composed_alloc<A>, A> {
public:
    using assembly_type = A;
    using backend_type = typename A::backend;
    using budget_type = typename A::budget;
    using canonical = composed_alloc;
    using local_type = detail::thread_state<A>;
    template <class T>
    using pool_ptr = framealloc::pool_ptr<T, A>;
    template <class T>
    using heap_ptr = framealloc::heap_ptr<T, A>;
    template <class T>
    using frame_ptr = framealloc::frame_ptr<T, A>;
    template <class T>
    using frame_ref = framealloc::frame_ref<T, A>;
    template <class T>
    using frame_span = framealloc::frame_span<T, A>;

    /// `given`: an `alloc_config` and policy objects with state, in any order, each at most once.
    template <class... Given>
    constexpr explicit composed_alloc(alloc_config const& config, Given&&... given)
        : core_(config, static_cast<Given&&>(given)...) {}

    composed_alloc(composed_alloc const&) = delete;
    composed_alloc& operator=(composed_alloc const&) = delete;
    FRAMEALLOC_HOT ~composed_alloc() {
        if constexpr (detail::keeps_records<A>) core_.instance_ends(detail::here<A>());
    }

    // --- frames -------------------------------------------------------------------------------------------------------

    /// Opens the calling thread's frame. While one is open, that is reported (FA004) and nothing changes. Throws
    /// `allocation_failure` when the thread has no state and cannot get one. O(1).
    void begin_frame() { static_cast<void>(core_.begin_frame(core_.state_or_throw())); }
    FRAMEALLOC_HOT void begin_frame()
        requires(detail::keeps_records<A>)
    {
        detail::called_at<A> const here{detail::here<A>()};
        static_cast<void>(core_.begin_frame(core_.state_or_throw()));
    }
    /// The same; false where it could not be opened.
    [[nodiscard]] bool try_begin_frame() noexcept {
        detail::thread_state<A>* const s = core_.state();
        return s != nullptr && core_.begin_frame(*s);
    }
    /// Ends the calling thread's frame: destroys what has a destructor, newest first, and takes everything back. Without
    /// a frame, or inside a scope, that is reported (FA005) and nothing changes. O(1), and O(destructors). Answers a
    /// `frame_summary` where operations are counted, and nothing elsewhere.
    FRAMEALLOC_HOT detail::end_of_frame<A> end_frame() {
        return core_.end_frame(core_.state_if_any(), detail::here<A>());
    }

    /// Opens a frame for every thread: one that has none of its own joins at its first frame request. O(1).
    void begin_frame_all() { core_.begin_frame_all(); }
    FRAMEALLOC_HOT void begin_frame_all()
        requires(detail::keeps_records<A>)
    {
        detail::called_at<A> const here{detail::here<A>()};
        core_.begin_frame_all();
    }
    /// Ends it for every thread that joined, on the calling thread. No joined thread touches its frame's memory any more:
    /// the caller's sync point sees to that. With a budget of tags, a joined thread does not allocate at all meanwhile, nor
    /// enter or leave a tag scope: its frame's bytes are settled then. O(threads joined), and O(destructors).
    FRAMEALLOC_HOT void end_frame_all() { core_.end_frame_all(detail::here<A>()); }

    /// A scope of the calling thread's frame; see `frame_scope`.
    [[nodiscard]] FRAMEALLOC_HOT framealloc::frame_scope<A> frame_scope() {
        [[maybe_unused]] detail::called_at<A> const here{detail::here<A>()};
        return framealloc::frame_scope<A>{core_};
    }

    /// A place in the calling thread's frame to roll back to; see `checkpoint`. Throws where the frame has no room.
    [[nodiscard]] framealloc::checkpoint checkpoint() { return core_.make_checkpoint(core_.state_or_throw(), true); }
    /// Takes back everything since `mark`. False, reported, and nothing has changed, where `mark` is not live.
    FRAMEALLOC_HOT bool rollback(framealloc::checkpoint const& mark) {
        return core_.roll_back(core_.state_if_any(), mark, detail::here<A>());
    }
    /// A checkpoint that rolls back by itself unless it is committed.
    [[nodiscard]] framealloc::rollback_guard<A> rollback_guard() { return framealloc::rollback_guard<A>{core_}; }
    /// Answers what `f()` does, and takes back what it has allocated from the frame where that is false; see `speculate`.
    template <class F>
    auto speculate(F&& f) -> decltype(static_cast<F&&>(f)()) {
        return detail::speculate(core_, static_cast<F&&>(f));
    }

    /// True while the calling thread may allocate from a frame that it has opened or joined.
    [[nodiscard]] bool frame_is_open() noexcept {
        auto* const s = core_.state_if_any();
        return s != nullptr && s->frame.kind() != detail::frame_kind::closed;
    }
    /// How many frames the calling thread has begun or joined; the number of the current one while it is open.
    [[nodiscard]] unsigned long long frame_number() noexcept {
        auto* const s = core_.state_if_any();
        return s != nullptr ? s->frame.number() : 0;
    }

    // --- tags and budgets ---------------------------------------------------------------------------------------------

    /// Charges what the calling thread allocates, while the scope lives, to an `allocation_tag`; see `tag_scope`.
    template <class Tag>
    [[nodiscard]] FRAMEALLOC_HOT framealloc::tag_scope<A> tag_scope(Tag const& tag) {
        return framealloc::tag_scope<A>{core_, tag};
    }
    /// Calls `f()` under a tag and answers what it does.
    template <class Tag, class F>
    decltype(auto) with_tag(Tag const& tag, F&& f) {
        framealloc::tag_scope<A> const scope{core_, tag};
        return static_cast<F&&>(f)();
    }
    /// Limits and figures by tag, with `budget::per_tag`; wants framealloc/tag_budgets.hpp. See `tag_budgets`.
    [[nodiscard]] tag_budgets<A> budgets() noexcept FRAMEALLOC_LIFETIMEBOUND { return tag_budgets<A>{core_}; }

    // --- groups -------------------------------------------------------------------------------------------------------

    /// Groups of this instance: memory by name, freed all at once; wants framealloc/group/group.hpp. See `group_registry`.
    [[nodiscard]] group_registry<A> groups() noexcept FRAMEALLOC_LIFETIMEBOUND { return group_registry<A>{core_}; }

    /// A streaming allocator over this one; wants framealloc/streaming/streaming_allocator.hpp. See `streaming_allocator`.
    [[nodiscard]] streaming_allocator<composed_alloc> streaming(streaming_config const& given)
        FRAMEALLOC_LIFETIMEBOUND {
        return streaming_allocator<composed_alloc>{*this, given};
    }

    // --- frames that have ended, and phases ---------------------------------------------------------------------------

    /// The calling thread's last finished frame; all zero before the first. Number and used bytes are known at every level of
    /// diagnostics, the rest where operations are counted. O(1).
    [[nodiscard]] framealloc::frame_stats frame_stats() noexcept {
        framealloc::frame_stats last;
        static_cast<void>(frame_history({&last, 1}));
        return last;
    }
    /// The calling thread's last finished frames, the newest first, into `into`; answers how many it has put there: at most
    /// 64 where operations are counted, at most 1 elsewhere. Allocates nothing.
    std::size_t frame_history(std::span<framealloc::frame_stats> into) noexcept {
        auto* const s = core_.state_if_any();
        return s != nullptr ? s->frame_history(into) : 0;
    }
    /// A named stretch of the calling thread's work: `auto p = alloc.phase("physics");`. See `phase_scope`.
    [[nodiscard]] FRAMEALLOC_HOT phase_scope<A> phase(char const* name) noexcept { return {core_, name}; }
    /// The phases of the calling thread's last finished frame, in its own record: good until its next frame ends. None where
    /// operations are not counted.
    [[nodiscard]] std::span<phase_stats const> phases() noexcept {
        auto* const s = core_.state_if_any();
        if constexpr (A::diagnostics::counts_operations) {
            if (s != nullptr) return s->journal.phases.last();
        }
        return {};
    }

    // --- by intent ----------------------------------------------------------------------------------------------------

    /// Storage for a `T` by the route of the intent.
    template <allocation_intent Intent, class T>
    [[nodiscard]] T* allocate() {
        if constexpr (Intent == allocation_intent::frame) {
            return this->template frame_alloc<T>();
        } else if constexpr (Intent == allocation_intent::pool) {
            return this->template pool_alloc<T>();
        } else {
            return this->template heap_alloc<T>();
        }
    }
    /// The same with the intent known at run time.
    template <class T>
    [[nodiscard]] T* allocate(allocation_intent route) {
        switch (route) {
            case allocation_intent::frame: return allocate<allocation_intent::frame, T>();
            case allocation_intent::pool: return allocate<allocation_intent::pool, T>();
            case allocation_intent::heap: break;
        }
        return allocate<allocation_intent::heap, T>();
    }

    // --- frees that do not know the instance --------------------------------------------------------------------------

    /// Frees a pool or heap block of any living instance of this assembly, by its address alone; null is a no-op. For hosts
    /// that make an allocator anew at each call, and so cannot say which instance a block came from. What is no such block
    /// is reported (FA211) and left alone.
    ///
    ///   Cost      A pool block: the page map and the slab's head. A heap block also locks the registry, O(instances).
    ///   Threads   Any, as each instance's own frees.
    FRAMEALLOC_HOT static void free_anywhere(void* p) noexcept {
        static_assert(!A::sync::one_thread,
                      "framealloc: free_anywhere(p) looks for the instance among all threads' ones; "
                      "choose sync::lock_free or sync::mutex, or free through the instance itself");
        detail::core<A>::free_anywhere(p, detail::here<A>());
    }

    // --- threads ------------------------------------------------------------------------------------------------------

    /// The calling thread's state: the verbs without the look-up, for loops. Good on this thread, until it ends.
    [[nodiscard]] local_type& local() FRAMEALLOC_LIFETIMEBOUND { return core_.state_or_throw(); }

    /// Makes the calling thread's state now instead of at its first request, and warms it up. False where memory is short.
    /// Between frames.
    bool attach_thread(thread_warmth warmth = {}) noexcept {
        detail::thread_state<A>* const s = core_.state();
        if (s == nullptr) return false;
        if (warmth.frame_bytes == 0 || s->frame.kind() != detail::frame_kind::closed) return true;
        auto source = core_.chunks();
        return s->frame.warm(s->window, warmth.frame_bytes, source);
    }

    /// A small copyable handle with the same verbs. It does not keep the instance alive; `shared_alloc` does.
    [[nodiscard]] alloc_ref<A> ref() noexcept FRAMEALLOC_LIFETIMEBOUND { return alloc_ref<A>{core_}; }

    /// Gives back what is empty: frame chunks, slabs, whole pages inside slabs, cached heap blocks, and the blocks in this
    /// thread's magazines. Other threads follow at their next slow path or frame's end. Answers how many bytes the backend
    /// has got; pages inside slabs leave the process, too, and are not among them. O(what is held). Thread-safe. A backend
    /// without virtual memory gets whole regions only.
    std::size_t trim() noexcept { return core_.trim(); }

    // --- reports ------------------------------------------------------------------------------------------------------

    /// Sums over all threads, those that have ended included. O(threads x size classes).
    [[nodiscard]] alloc_stats stats() { return detail::collect_stats(core_); }
    /// Each thread's part, the newest first, into `into`, as far as there is room; answers how many there are. O(threads).
    std::size_t thread_stats(std::span<framealloc::thread_stats> into) { return detail::collect_threads(core_, into); }
    /// Each size class of the pools, the smallest first. O(blocks that the slabs have room for), while new slabs wait.
    [[nodiscard]] auto size_classes() { return detail::collect_size_classes(core_); }
    /// Bytes that a live pool or heap block has room for; 0 for any other address.
    [[nodiscard]] std::size_t usable_size(void* p) noexcept { return core_.usable_size(p); }
    /// Whether `p` lies in a slab of this instance, or is a heap block of it, alive or freed. Any thread; O(1).
    [[nodiscard]] bool owns(void* p) noexcept { return core_.owns(p); }
    /// Checks every structure, while the instance is at rest. O(slabs + heap blocks).
    [[nodiscard]] verification verify() { return detail::verify_all(core_); }
    /// Unique among all instances of the process, in its whole life; 0 before the first use.
    [[nodiscard]] unsigned long long id() const noexcept { return core_.id.load(detail::order::relaxed); }

    [[nodiscard]] backend_type& backend() noexcept FRAMEALLOC_LIFETIMEBOUND { return core_.gate().backend(); }
    [[nodiscard]] budget_type& budget() noexcept FRAMEALLOC_LIFETIMEBOUND { return core_.gate().budget(); }
    [[nodiscard]] alloc_config const& config() const noexcept FRAMEALLOC_LIFETIMEBOUND { return core_.config(); }

    // What the verbs are built on.
    [[nodiscard]] FRAMEALLOC_HOT detail::hot_state& hot() noexcept { return core_.hot(); }
    [[nodiscard]] detail::core<A>& shared() noexcept { return core_; }
    [[nodiscard]] detail::thread_state<A>* state() noexcept { return core_.state(); }
    void* frame_miss(layout request) noexcept { return core_.frame_miss(request); }
    void* frame_miss_or_throw(layout request) { return core_.frame_miss_or_throw(request); }
    void* pool_miss(layout request, std::size_t c) noexcept { return core_.pool_miss(request, c); }
    void* pool_miss_or_throw(layout request, std::size_t c) { return core_.pool_miss_or_throw(request, c); }
    void pool_overflow(void* block, std::size_t c) noexcept { core_.pool_overflow(block, c); }

private:
    detail::core<A> core_;
};

/// A handle to an instance, as small as a pointer, with the same verbs. The instance outlives it.
template <class A>
class alloc_ref : public frame_verbs<alloc_ref<A>, A>,
                  public pool_verbs<alloc_ref<A>, A>,
                  public heap_verbs<alloc_ref<A>, A> {
public:
    explicit alloc_ref(detail::core<A>& owner) noexcept : core_(&owner) {}

    [[nodiscard]] FRAMEALLOC_HOT framealloc::frame_scope<A> frame_scope() { return framealloc::frame_scope<A>{*core_}; }
    template <class Tag>
    [[nodiscard]] FRAMEALLOC_HOT framealloc::tag_scope<A> tag_scope(Tag const& tag) {
        return framealloc::tag_scope<A>{*core_, tag};
    }
    [[nodiscard]] detail::thread_state<A>& local() { return core_->state_or_throw(); }
    [[nodiscard]] FRAMEALLOC_HOT phase_scope<A> phase(char const* name) noexcept { return {*core_, name}; }

    friend bool operator==(alloc_ref a, alloc_ref b) noexcept { return a.core_ == b.core_; }

    // What the verbs are built on.
    [[nodiscard]] FRAMEALLOC_HOT detail::hot_state& hot() noexcept { return core_->hot(); }
    [[nodiscard]] detail::core<A>& shared() noexcept { return *core_; }
    [[nodiscard]] detail::thread_state<A>* state() noexcept { return core_->state(); }
    void* frame_miss(layout request) noexcept { return core_->frame_miss(request); }
    void* frame_miss_or_throw(layout request) { return core_->frame_miss_or_throw(request); }
    void* pool_miss(layout request, std::size_t c) noexcept { return core_->pool_miss(request, c); }
    void* pool_miss_or_throw(layout request, std::size_t c) { return core_->pool_miss_or_throw(request, c); }
    void pool_overflow(void* block, std::size_t c) noexcept { core_->pool_overflow(block, c); }

private:
    detail::core<A>* core_;
};

namespace detail {

struct default_policies {
    using backend = framealloc::backend::split<framealloc::backend::virtual_memory, framealloc::backend::system>;
    using arena = framealloc::arena::chunked<>;
    using pool = framealloc::pool::size_class<8, 4096>;
    using sync = framealloc::sync::lock_free;
    using budget = framealloc::budget::none;
    using diagnostics = framealloc::diagnostics::none;
};

/// What a pack that is wrong derives from: the error has been given, and everything that the program goes on to do with
/// the allocator compiles, so that no second one follows.
template <class Default>
struct refused_assembly : Default {
    template <class... Given>
    constexpr explicit refused_assembly(Given&&...) : Default(alloc_config{}) {}
};
template <class Assembled>
struct implementation {
    using type = refused_assembly<composed_alloc<typename decltype(assemble<default_policies>())::type>>;
};
template <class A>
struct implementation<std::type_identity<A>> {
    using type = composed_alloc<A>;
};
/// A type, and not an alias, so that a pack is checked, and complained about, once.
template <class... P>
struct implementation_of : implementation<decltype(assemble<default_policies, P...>())> {};

template <class T, class... P>
inline constexpr std::size_t times_given = (std::size_t{std::is_same_v<T, std::remove_cvref_t<P>>} + ... + 0);

}  // namespace detail

/// The template that composes the policies: `basic_smart_alloc<sync::single_threaded, arena::fixed<1_MiB>>`. Any order, one
/// of each family at most; families left out have the defaults of `smart_alloc`. Packs that mean the same share one
/// implementation, `canonical`.
///
///   Construct  `a;`, `a{alloc_config{...}};`, `a{budget::global{64_MiB}};`: configuration and policy objects with state, in
///              any order. Throws `configuration_error` for a field out of range, before anything is built.
template <class... Policies>
class basic_smart_alloc : public detail::implementation_of<Policies...>::type {
    using base = typename detail::implementation_of<Policies...>::type;

    template <class T>
    static constexpr bool may_be_given = std::is_same_v<T, alloc_config> || (std::is_same_v<T, Policies> || ...);

public:
    constexpr basic_smart_alloc() : base(alloc_config{}) {}

    template <class... Given>
        requires(sizeof...(Given) > 0 && (may_be_given<std::remove_cvref_t<Given>> && ...) &&
                 ((detail::times_given<std::remove_cvref_t<Given>, Given...> == 1) && ...))
    constexpr explicit basic_smart_alloc(Given&&... given)
        : base(config_of(given...), static_cast<Given&&>(given)...) {}

    basic_smart_alloc(basic_smart_alloc const&) = delete;
    basic_smart_alloc& operator=(basic_smart_alloc const&) = delete;
    FRAMEALLOC_HOT ~basic_smart_alloc() = default;

private:
    template <class... Given>
    static constexpr alloc_config config_of(Given const&... given) noexcept {
        alloc_config chosen{};
        auto const look = [&chosen](auto const& g) {
            if constexpr (std::is_same_v<std::remove_cvref_t<decltype(g)>, alloc_config>) chosen = g;
        };
        (look(given), ...);
        return chosen;
    }
};

}  // namespace framealloc
