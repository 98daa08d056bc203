// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/region_verbs.hpp>
#include <framealloc/scratch/detail/scratch_table.hpp>
#include <framealloc/smart_alloc.hpp>

#include <span>

// Memory that is filled and emptied in rounds of the program's own: a parser's, a tool's, a worker's, across frames.
//
//     scratch_arena parser{alloc, "parser"};
//     for (file const& f : files) {
//         auto const round = parser.scope();                 // or parser.reset() by hand
//         auto* const tree = parser.make<node>(f);
//     }

namespace framealloc::inline v0_1 {

template <class Arena, class A>
class scratch_scope;

/// An arena with a name, which the program owns and empties when it likes. It grows as its policy says: by chunks, to a fixed
/// size, in one piece, with rounds in flight. `A` is the assembly of the allocator that its memory comes from; let the compiler
/// find it, or say `scratch_arena_of<Alloc, Arena>`.
///
/// Choose it for what is made and dropped in rounds that are no frames, or that begin and end in the midst of frames. What goes
/// with the frame belongs there, and what dies once, a level, in a group.
///
///   Cost      A request is load, add, compare, branch, store, as in a frame. `reset` is O(1), and O(destructors), and calls
///             nobody: what a round has taken waits for the next one. Objects with a destructor cost 32 bytes more.
///   Threads   One at a time, which need not be the one that made it.
///   Failure   `try_` forms answer null, or an empty span, and are noexcept for layouts; plain forms throw `allocation_failure`,
///             or report and call the failure handler where exceptions are off. FA003: the policy has no more room. FA301 to
///             FA305: the allocator beneath, or its budgets, refuse. FA413: the allocator has ended, or a destructor or a listener
///             of a budget uses the arena that calls it. Nothing has changed afterwards, also when a constructor throws.
///   Lifetime  What it serves lives until `reset`, the end of a scope, or its own; with `arena::in_flight<N, ...>` through `N - 1`
///             rounds more. The allocator outlives it: if it does not, the arena is emptied then, and that is reported where
///             somebody checks (FA216).
///   Source    D. R. Hanson, "Fast allocation and deallocation of memory based on object lifetimes",
///             Software: Practice and Experience 20(1), 1990; GNU's obstacks.
template <ArenaPolicy Arena = arena::chunked<>, class A = smart_alloc::assembly_type>
class scratch_arena : private detail::scratch_entry<A>, public region_verbs<scratch_arena<Arena, A>, A> {
    using entry = detail::scratch_entry<A>;
    using table = detail::scratch_table<A>;
    using site = detail::site_of<A>;
    static constexpr bool needs_virtual_memory = requires { requires Arena::needs_virtual_memory; };
    static constexpr std::size_t rounds_alive = frames_in_flight_of<Arena>;
    static constexpr bool looks_at_released = A::diagnostics::fills_released || detail::memory_tool;

    static_assert(!needs_virtual_memory || has_virtual_memory<typename A::backend>,
                  "framealloc: an arena that grows in place wants an allocator with virtual memory");

public:
    using assembly_type = A;
    using arena_type = Arena;

    /// An empty arena; it takes no memory before the first request but for some 100 bytes of the instance's own records. Without a
    /// name it is listed all the same. Its memory is charged to the tag under which the calling thread allocates now. A name that
    /// is taken, or longer than `max_scratch_name`, is refused (FA412). Throws `allocation_failure`.
    FRAMEALLOC_HOT explicit scratch_arena(composed_alloc<A>& owner FRAMEALLOC_LIFETIMEBOUND, std::string_view name = {})
        : chunks_(owner.shared(), window_) {
        this->figures = &figures_of;
        this->end_early = &end_of_allocator;
        enter(owner.shared(), name, detail::here<A>());
    }
    scratch_arena(composed_alloc<A>&, std::nullptr_t) = delete;  // a name is text, or none is given
    scratch_arena(scratch_arena const&) = delete;
    scratch_arena& operator=(scratch_arena const&) = delete;
    FRAMEALLOC_HOT ~scratch_arena() {
        if (this->instance == nullptr) return;
        table::leave(*this);
        empty(detail::here<A>());
    }

    // --- what it serves, beside the verbs of a region -----------------------------------------------------------------

    /// Makes raw memory larger or smaller where it stands, if nothing has been served since: `p` was asked for with `old_bytes`, or
    /// last extended to them. False, and nothing has changed, where something came after it, where there is no room behind it, and
    /// where it would shrink below the begin of a scope that is open. O(1).
    [[nodiscard]] bool try_extend(void* p, std::size_t old_bytes, std::size_t new_bytes) noexcept {
        std::uintptr_t const begin = detail::address_of(p);
        if (!is_newest(begin, old_bytes)) return false;
        std::uintptr_t end = window_.end_of_last(begin, new_bytes);
        if (end == 0) {
            if (!commit_behind(begin, new_bytes)) return false;
        } else if (is_below_scope(begin, end)) {
            return false;
        } else {
            window_.move_to(end);
        }
        detail::memory_is_resized(begin, old_bytes, new_bytes, granule);
        return true;
    }
    /// Takes raw memory of `bytes` back before the round ends, if nothing has been served since and no scope was opened. Otherwise
    /// false: then it is the arena's, as always. O(1).
    bool try_give_back(void* p, std::size_t bytes) noexcept {
        std::uintptr_t const begin = detail::address_of(p);
        if (!is_newest(begin, bytes) || is_below_scope(begin, begin)) return false;
        detail::memory_is_left(begin, window_.at());
        detail::memory_is_forbidden(begin, window_.at());
        window_.move_to(begin);
        return true;
    }

    // --- rounds -------------------------------------------------------------------------------------------------------

    /// Ends the round: destroys what has a destructor, newest first, and takes everything back. The memory waits for the next
    /// round. Inside a scope of the arena that is reported (FA414), out of a destructor or listener that it calls, too (FA413);
    /// then false, and nothing has changed.
    FRAMEALLOC_HOT bool reset() noexcept {
        if (!is_at_rest() || innermost_ != nullptr) [[unlikely]]
            return refuse(detail::here<A>());
        note_peak();
        if constexpr (rounds_alive > 1) {
            detail::finaliser* const oldest = ended_.take();
            ended_.push(finalisers_);
            finalisers_ = nullptr;
            destroy(oldest, nullptr);
            if constexpr (looks_at_released)
                engine_.for_each_used_in_oldest(window_, &detail::release_scratch_bytes<A>);
        } else {
            rewind_objects(nullptr);
            if constexpr (looks_at_released) engine_.for_each_used(window_, {}, &detail::release_scratch_bytes<A>);
        }
        engine_.reset(window_, chunks_);
        engine_.open(window_);
        resets_.add(1);
        return true;
    }
    /// The same, with rounds in flight, and gives all memory back. The arena may be used again. O(chunks).
    FRAMEALLOC_HOT bool release() noexcept {
        site const at = detail::here<A>();
        if (!is_at_rest() || innermost_ != nullptr) [[unlikely]]
            return refuse(at);
        empty(at);
        engine_.open(window_);  // where the backend would not take it back
        return true;
    }
    /// Gives back the memory that waits for rounds to come, and answers how many bytes that were; what is in use stays. O(chunks).
    FRAMEALLOC_HOT std::size_t trim() noexcept {
        return this->instance != nullptr && !chunks_.asks() ? chunks_.give_up(detail::here<A>()) : 0;
    }
    /// While it lives, what the arena serves goes with it. See `scratch_scope`.
    [[nodiscard]] FRAMEALLOC_HOT scratch_scope<Arena, A> scope() noexcept {
        return scratch_scope<Arena, A>{*this, detail::here<A>()};
    }

    // --- what it has --------------------------------------------------------------------------------------------------

    [[nodiscard]] std::string_view name() const noexcept { return entry::name(); }
    /// O(1).
    [[nodiscard]] scratch_stats stats() const noexcept { return figures_of(*this); }
    /// Whether its allocator lives.
    [[nodiscard]] bool is_live() const noexcept { return this->instance != nullptr; }

    /// The arenas of an instance, whatever their policies, the oldest first, into `into`; answers how many there are, of which
    /// `into.size()` are filled in. O(arenas), with the instance's lock held. Allocates nothing. Any thread, but for the figures of
    /// arenas with rounds in flight: nobody else uses those meanwhile.
    static std::size_t list(composed_alloc<A>& owner, std::span<scratch_stats> into) noexcept {
        return table::list(owner.shared(), into);
    }

private:
    friend class scratch_scope<Arena, A>;
    friend class region_verbs<scratch_arena, A>;
    using scope_type = scratch_scope<Arena, A>;
    using engine = typename Arena::template engine<detail::scratch_chunks<A>>;

    // --- the ways in --------------------------------------------------------------------------------------------------

    template <bool Throws>
    FRAMEALLOC_HOT void* serve(layout request, std::size_t, site at) noexcept(!Throws) {
        return detail::bump(
            window_, request.bytes, request.align, []() FRAMEALLOC_INLINED {},
            [&]() FRAMEALLOC_INLINED { return miss<Throws>(request, at); });
    }
    template <bool Throws, layout Request>
    FRAMEALLOC_HOT void* serve(site at) noexcept(!Throws) {
        return detail::bump<Request.bytes, Request.align>(
            window_, []() FRAMEALLOC_INLINED {}, [&]() FRAMEALLOC_INLINED { return miss<Throws>(Request, at); });
    }
    template <bool Throws>
    FRAMEALLOC_COLD void* miss(layout request, site at) noexcept(!Throws) {
        [[maybe_unused]] detail::called_at<A> const here{at};
        fault why;
        if (void* const p = serve_more(request, why)) return p;
        detail::scratch_sites const sites = detail::sites_of_scratch<A>(name(), at, this->made_at);
        why.sites = &sites;
        if constexpr (Throws) {
            if (this->instance == nullptr) detail::throw_failure(why, request);
            detail::throw_refusal(*this->instance, why, request);
        } else if (why.code == fault_code::scratch_not_usable) {
            tell(why);
        } else {
            detail::report_refusal(*this->instance, why);
        }
        return nullptr;
    }
    [[nodiscard]] void* serve_more(layout request, fault& why) noexcept {
        if (is_unusable(why) || !detail::is_possible(request, why)) return nullptr;
        if (void* const p = window_.try_serve(request)) return p;
        chunks_.expect_nothing();
        if (void* const p = engine_.allocate(window_, request, chunks_)) return p;
        if (chunks_.was_refused()) {
            why = chunks_.why();
        } else {
            detail::say(why, fault_code::arena_exhausted,
                        "asked for %llu bytes, align %llu; %llu bytes of the scratch arena are used", request.bytes,
                        request.align, engine_.used_bytes(window_));
        }
        return nullptr;
    }
    /// For an arena that grows in place: what `new_bytes` at `begin` want beyond the cursor is a request like any other, and is
    /// served right behind it.
    [[nodiscard]] bool commit_behind([[maybe_unused]] std::uintptr_t begin,
                                     [[maybe_unused]] std::size_t new_bytes) noexcept {
        if constexpr (needs_virtual_memory) {
            if (!is_at_rest() || new_bytes > max_request_bytes) return false;
            std::size_t const more = detail::round_up(new_bytes, granule) - (window_.at() - begin);
            return engine_.allocate(window_, {.bytes = more}, chunks_) != nullptr;
        } else {
            return false;
        }
    }

    /// Where the arena stood, for when a constructor throws.
    class undo_point {
    public:
        explicit undo_point(scratch_arena& a) noexcept
            : arena_(a), position_(a.engine_.position(a.window_)), finalisers_(a.finalisers_) {}
        void undo(std::size_t, site) const noexcept { arena_.rewind(position_, finalisers_); }

    private:
        scratch_arena& arena_;
        frame_position position_;
        detail::finaliser* finalisers_;
    };
    FRAMEALLOC_HOT void add(detail::finaliser& f) noexcept {
        f.older = finalisers_;
        finalisers_ = &f;
    }

    // --- the ways back ------------------------------------------------------------------------------------------------

    [[nodiscard]] bool is_newest(std::uintptr_t begin, std::size_t bytes) const noexcept {
        return window_.is_last(begin, bytes);
    }
    /// Whether the block at `begin` was there before the innermost scope was, and would end below where that began. A block and the
    /// cursor behind it are in one chunk: a scope that began in another lies outside of the two.
    [[nodiscard]] bool is_below_scope(std::uintptr_t begin, std::uintptr_t end) const noexcept {
        return innermost_ != nullptr && begin < innermost_->position_.cursor && end < innermost_->position_.cursor &&
               innermost_->position_.cursor <= window_.at();
    }

    /// Destroys, newest first. What destructors ask of the arena is refused.
    void destroy(detail::finaliser* newest, detail::finaliser* until) noexcept {
        if (newest == until) return;
        std::uintptr_t const cursor = window_.at(), limit = window_.limit;
        window_.close();
        clears_ = true;
        while (newest != until) {
            detail::memory_is_ours(newest, sizeof *newest);
            detail::finaliser const f = *newest;
            newest = f.older;
            f.run(f.objects, f.count);
        }
        clears_ = false;
        window_.set(cursor, limit);
    }
    void rewind_objects(detail::finaliser* until) noexcept {
        detail::finaliser* const newest = finalisers_;
        finalisers_ = until;
        destroy(newest, until);
    }
    void rewind(frame_position const& to, detail::finaliser* until) noexcept {
        note_peak();
        rewind_objects(until);
        if constexpr (looks_at_released) engine_.for_each_used(window_, to, &detail::release_scratch_bytes<A>);
        engine_.rewind(window_, to, chunks_);
    }
    /// Takes everything back, rounds in flight included, the oldest first, and gives all memory to the allocator.
    void empty(site at) noexcept {
        note_peak();
        forget_scopes();
        if constexpr (rounds_alive > 1) {
            for (std::size_t i = 0; i + 1 < rounds_alive; ++i) destroy(ended_.take(i), nullptr);
        }
        rewind_objects(nullptr);
        engine_.release(window_, chunks_);
        static_cast<void>(chunks_.give_up(at));
    }
    void forget_scopes() noexcept {
        while (innermost_ != nullptr) {
            innermost_->arena_ = nullptr;
            innermost_ = innermost_->outer_;
        }
    }

    void note_peak() noexcept {
        std::size_t const used = engine_.used_bytes(window_);
        if (used > peak_.load(detail::order::relaxed)) peak_.store(used, detail::order::relaxed);
    }

    // --- what is refused ----------------------------------------------------------------------------------------------

    FRAMEALLOC_COLD void enter(detail::core<A>& owner, std::string_view given, site at) {
        [[maybe_unused]] detail::called_at<A> const here{at};
        fault why;
        detail::scratch_sites sites;
        if (table::enter(owner, *this, given, at, why, sites)) return;
        if (sites.write != nullptr) why.sites = &sites;
        detail::throw_refusal(owner, why, layout{.bytes = 0});
    }
    [[nodiscard]] bool is_at_rest() const noexcept { return this->instance != nullptr && !chunks_.asks() && !clears_; }
    [[nodiscard]] bool is_unusable(fault& why) const noexcept {
        char const* const note = this->instance == nullptr ? "the allocator of the scratch arena has ended"
                                 : chunks_.asks() ? "the scratch arena asks for memory, and its listener uses it"
                                 : clears_        ? "the scratch arena destroys its objects, and a destructor uses it"
                                                  : nullptr;
        if (note == nullptr) return false;
        detail::say(why, fault_code::scratch_not_usable, note);
        why.stops = A::diagnostics::stops_on_misuse;
        return true;
    }
    FRAMEALLOC_COLD bool refuse(site at) noexcept {
        [[maybe_unused]] detail::called_at<A> const here{at};
        fault why;
        if (!is_unusable(why)) {
            std::size_t open = 0;
            for (scope_type const* s = innermost_; s != nullptr; s = s->outer_) ++open;
            detail::say(why, fault_code::scratch_scope_open, "the scratch arena was reset inside %llu scopes of it",
                        open);
            why.stops = A::diagnostics::stops_on_misuse;
        }
        tell_of_mistake(why, at);
        return false;
    }
    FRAMEALLOC_COLD void tell_of_mistake(fault& why, site at) noexcept {
        detail::scratch_sites const sites = detail::sites_of_scratch<A>(name(), at, this->made_at);
        why.sites = &sites;
        tell(why);
    }
    void tell(fault& why) noexcept {
        if (this->instance != nullptr) {
            detail::with_place(*this->instance, why);
        } else {
            report(why);
        }
    }

    // --- what the instance asks ---------------------------------------------------------------------------------------

    [[nodiscard]] static scratch_stats figures_of(entry const& e) noexcept {
        auto const& a = static_cast<scratch_arena const&>(e);
        std::size_t const used = a.engine_.used_bytes(a.window_), before = a.peak_.load(detail::order::relaxed);
        scratch_stats s{.used_bytes = used,
                        .peak_bytes = used > before ? used : before,
                        .reserved_bytes = a.chunks_.reserved_bytes(),
                        .resets = a.resets_.read()};
        e.write_name(s);
        return s;
    }
    static void end_of_allocator(entry& e, site at) noexcept { static_cast<scratch_arena&>(e).empty(at); }

    frame_window window_{};
    detail::finaliser* finalisers_ = nullptr;  // of this round, the newest first
    scope_type* innermost_ = nullptr;
    bool clears_ = false;  // destructors run
    engine engine_{};
    [[no_unique_address]] detail::ended_finalisers<rounds_alive> ended_{};
    detail::scratch_chunks<A> chunks_;
    detail::atomic<std::size_t> peak_{0};
    detail::owner_counter resets_{};
};

template <class A>
scratch_arena(composed_alloc<A>&) -> scratch_arena<arena::chunked<>, A>;
template <class A>
scratch_arena(composed_alloc<A>&, std::string_view) -> scratch_arena<arena::chunked<>, A>;

/// The scratch arena of an allocator's type, for members and parameters: `scratch_arena_of<smart_alloc> parser_;`.
template <class Alloc, class Arena = arena::chunked<>>
using scratch_arena_of = scratch_arena<Arena, typename Alloc::assembly_type>;

/// While it lives, what its arena serves goes with it: `auto const round = parser.scope();`. At its end objects are destroyed,
/// newest first, and the arena stands where it stood. Scopes nest.
///
///   Cost      A few stores, and what is destroyed. Chunks that were taken since wait for the next who needs them.
///   Threads   As the arena.
///   Failure   Ended while a scope inside it is open, it ends that one, too, and this is reported (FA414). Opened where the arena
///             cannot be used, that is reported (FA413), and it does nothing.
///   Lifetime  Ends before the arena, in the block that opened it.
template <class Arena, class A>
class [[nodiscard]] scratch_scope {
public:
    scratch_scope(scratch_scope const&) = delete;
    scratch_scope& operator=(scratch_scope const&) = delete;
    FRAMEALLOC_HOT ~scratch_scope() {
        if (arena_ == nullptr) return;
        if (arena_->innermost_ != this || arena_->chunks_.asks() || arena_->clears_) [[unlikely]] {
            end_askew(detail::here<A>());
        } else {
            arena_->innermost_ = outer_;
            arena_->rewind(position_, finalisers_);
        }
    }

private:
    template <ArenaPolicy, class>
    friend class scratch_arena;
    using arena_type = scratch_arena<Arena, A>;

    FRAMEALLOC_HOT scratch_scope(arena_type& of, detail::site_of<A> at) noexcept {
        if (of.is_at_rest()) [[likely]] {
            arena_ = &of;
            outer_ = of.innermost_;
            position_ = of.engine_.position(of.window_);
            finalisers_ = of.finalisers_;
            of.innermost_ = this;
        } else {
            of.refuse(at);
        }
    }
    FRAMEALLOC_COLD void end_askew(detail::site_of<A> at) noexcept {
        [[maybe_unused]] detail::called_at<A> const here{at};
        arena_type& a = *arena_;
        fault why;
        bool const is_unusable = a.is_unusable(why);
        std::size_t inside = 0;
        for (; a.innermost_ != this; a.innermost_ = a.innermost_->outer_) {
            a.innermost_->arena_ = nullptr;
            ++inside;
        }
        a.innermost_ = outer_;
        // Out of a destructor or a listener nothing can be taken back: what it has served stays until the next round.
        if (is_unusable) return a.tell_of_mistake(why, at);
        a.rewind(position_, finalisers_);
        detail::say(why, fault_code::scratch_scope_open,
                    "a scope of the scratch arena ends before %llu scopes inside it", inside);
        why.stops = A::diagnostics::stops_on_misuse;
        a.tell_of_mistake(why, at);
    }

    arena_type* arena_ = nullptr;  // null where there is nothing to end
    scratch_scope* outer_ = nullptr;
    frame_position position_{};
    detail::finaliser* finalisers_ = nullptr;
};

}  // namespace framealloc
