// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/box.hpp>
#include <framealloc/detail/construct.hpp>
#include <framealloc/detail/frame_state.hpp>
#include <framealloc/detail/hot_state.hpp>
#include <framealloc/intent.hpp>

#include <span>

namespace framealloc::inline v0_1 {

/// The frame verbs: memory that is gone at the end of the frame. Mixed into the allocator, its handle, `local()` and frame
/// scopes.
///
///   Cost      Load, add, compare, branch, store, after the way to the thread's state. O(1); the worst case takes a chunk.
///             Objects with a destructor cost 32 bytes and a few stores more, and their destructor at the end.
///   Threads   Each thread allocates from its own frame.
///   Failure   `try_` forms answer null, or an empty span, and are noexcept for layouts; plain forms throw
///             `allocation_failure`, or report and call the failure handler where exceptions are off. Outside a frame both
///             refuse (FA001). Nothing has changed afterwards, also when a constructor throws.
///   Lifetime  Until the frame, the enclosing scope or a roll-back ends it. Objects are destroyed then, newest first.
template <class Self, class A>
class frame_verbs {
public:
    /// Raw memory. Zero bytes give a unique address.
    [[nodiscard]] FRAMEALLOC_HOT void* frame_alloc(layout request) {
        return serve(request, request, detail::here<A>(),
                     [&]() FRAMEALLOC_INLINED { return self().frame_miss_or_throw(request); });
    }
    [[nodiscard]] FRAMEALLOC_HOT void* try_frame_alloc(layout request) noexcept {
        return serve(request, request, detail::here<A>(),
                     [&]() FRAMEALLOC_INLINED { return self().frame_miss(request); });
    }

    /// Uninitialised storage for one `T`, which must be a type whose lifetime begins with its storage.
    template <class T>
    [[nodiscard]] FRAMEALLOC_HOT T* frame_alloc() {
        static_assert(
            detail::implicit_lifetime<T>,
            "framealloc: frame_alloc<T>() gives raw storage; make objects of this type with frame_new<T>(args...)");
        return static_cast<T*>(serve<layout::of<T>()>(
            detail::here<A>(), [&]() FRAMEALLOC_INLINED { return self().frame_miss_or_throw(layout::of<T>()); }));
    }
    template <class T>
    [[nodiscard]] FRAMEALLOC_HOT T* try_frame_alloc() noexcept {
        static_assert(detail::implicit_lifetime<T>,
                      "framealloc: try_frame_alloc<T>() gives raw storage; make objects of "
                      "this type with try_frame_new<T>(args...)");
        return static_cast<T*>(serve<layout::of<T>()>(
            detail::here<A>(), [&]() FRAMEALLOC_INLINED { return self().frame_miss(layout::of<T>()); }));
    }

    /// A new `T`, destroyed at the end of the frame.
    template <class T, class... Args>
    FRAMEALLOC_HOT T* frame_new(Args&&... args) {
        return make<T>(
            detail::here<A>(), [&](layout r) FRAMEALLOC_INLINED { return self().frame_miss_or_throw(r); },
            static_cast<Args&&>(args)...);
    }
    template <class T, class... Args>
    FRAMEALLOC_HOT T* try_frame_new(Args&&... args) {
        return make<T>(
            detail::here<A>(), [&](layout r) FRAMEALLOC_INLINED { return self().frame_miss(r); },
            static_cast<Args&&>(args)...);
    }

    /// `n` objects in a row, value-initialised. `n` may be zero; a product that overflows is refused (FA304).
    template <class T>
    [[nodiscard]] FRAMEALLOC_HOT std::span<T> frame_array(std::size_t n) {
        return make_array<T, true>(n, detail::here<A>(),
                                   [&](layout r) FRAMEALLOC_INLINED { return self().frame_miss_or_throw(r); });
    }
    /// The same, default-initialised: what a trivial type leaves indeterminate stays so.
    template <class T>
    [[nodiscard]] FRAMEALLOC_HOT std::span<T> frame_array_for_overwrite(std::size_t n) {
        return make_array<T, false>(n, detail::here<A>(),
                                    [&](layout r) FRAMEALLOC_INLINED { return self().frame_miss_or_throw(r); });
    }
    /// Answers an empty span without an address when it is refused; for `n == 0` the span is empty too.
    template <class T>
    [[nodiscard]] FRAMEALLOC_HOT std::span<T> try_frame_array(std::size_t n) {
        return make_array<T, true>(n, detail::here<A>(),
                                   [&](layout r) FRAMEALLOC_INLINED { return self().frame_miss(r); });
    }

    /// Makes raw memory larger or smaller where it stands, if nothing has been allocated from this thread's frame since:
    /// `p` was asked for with `old_bytes`, or last extended to them, and has `new_bytes` afterwards. False, and nothing has
    /// changed, where something came after it, where `new_bytes` do not fit into what is left of the chunk, and where it
    /// would shrink below the begin of a scope that is still open, or below where a tag scope has begun or ended. Zero bytes
    /// keep a unique address. O(1), no call, but for an arena that commits memory as it is needed, which does so here, too.
    ///
    /// Extend in the scope that allocated: the end of a scope takes back what was allocated in it, extensions included.
    [[nodiscard]] bool try_frame_extend(void* p, std::size_t old_bytes, std::size_t new_bytes) noexcept {
        std::uintptr_t begin = detail::address_of(p);
        std::size_t beside = 0;  // bytes of the block that are not the program's
        if constexpr (detail::keeps_records<A>) {
            if (!detail::look_at_last<A>(self().shared(), begin, beside, old_bytes) || new_bytes > max_request_bytes)
                return false;
        }
        detail::thread_state<A>* const s = state_that_served(begin, old_bytes + beside);
        if (s == nullptr) return false;
        std::uintptr_t const end = end_of_last(*s, begin, new_bytes + beside);
        if (end == 0) {
            // A listener of the budget may have been asked, and have allocated behind it.
            if (charges_tags<typename A::budget> && !s->window.is_last(begin, old_bytes + beside)) return false;
            if (!get_what_is_missing(*s, begin, new_bytes + beside)) return false;
        } else if (end < s->window.at()) {
            if (!shrink(*s, end)) return false;
        } else {
            s->window.move_to(end);
        }
        if constexpr (detail::keeps_records<A>) {
            s->frame.records().resize_newest(new_bytes);
        } else {
            detail::memory_is_resized(begin, old_bytes, new_bytes, granule);
        }
        if constexpr (A::diagnostics::counts_operations && requires { s->counted.on_frame_extend(new_bytes); }) {
            if (new_bytes > old_bytes) s->counted.on_frame_extend(new_bytes - old_bytes);
        }
        if constexpr (detail::observes<A>)
            self().shared().observe_extension(p, old_bytes, new_bytes, detail::here<A>());
        return true;
    }

    /// Takes raw memory of `bytes` back before the frame does, if nothing has been allocated since. Otherwise, and where a
    /// scope was opened since, or a tag's scope was entered or left, false: then the memory is the frame's, as always. O(1).
    bool try_frame_give_back(void* p, std::size_t bytes) noexcept {
        std::uintptr_t begin = detail::address_of(p);
        std::size_t beside = 0;
        if constexpr (detail::keeps_records<A>) {
            if (!detail::look_at_last<A>(self().shared(), begin, beside, bytes)) return false;
        }
        detail::thread_state<A>* const s = state_that_served(begin, bytes + beside);
        if (s == nullptr) return false;
        auto const records = s->frame.records().newest();
        if constexpr (detail::keeps_records<A>) s->frame.records().drop_newest();
        if (shrink(*s, begin)) {
            if constexpr (detail::observes<A>)
                self().shared().observe_free(p, allocation_intent::frame, detail::here<A>());
            return true;
        }
        s->frame.records().go_back_to(records);
        return false;
    }

    /// A `T` that its box destroys, at the end of the enclosing block at the latest. Registers nothing with the frame.
    template <class T, class... Args>
    [[nodiscard]] FRAMEALLOC_HOT framealloc::frame_box<T> frame_box(Args&&... args) {
        undo_point const before{self()};
        void* const place = serve<layout::of<T>()>(
            detail::here<A>(), [&]() FRAMEALLOC_INLINED { return self().frame_miss_or_throw(layout::of<T>()); });
        return framealloc::frame_box<T>{
            detail::construct<T>(place, [&]() FRAMEALLOC_INLINED { before.undo(); }, static_cast<Args&&>(args)...)};
    }

private:
    [[nodiscard]] FRAMEALLOC_HOT Self& self() noexcept { return static_cast<Self&>(*this); }

    static void count(detail::hot_state& hot, std::size_t bytes) noexcept {
        if constexpr (A::diagnostics::counts_operations) {
            static_cast<detail::thread_state<A>&>(hot).counted.on_frame_allocate(bytes);
        }
    }
    /// Serves `request`, of which the program gets `object`; where records are kept, these surround it.
    template <class Miss>
    FRAMEALLOC_HOT void* serve(layout request, [[maybe_unused]] layout object, [[maybe_unused]] detail::site_of<A> at,
                               Miss&& miss, [[maybe_unused]] std::size_t object_offset = 0) {
        if constexpr (detail::observes<A>) self().shared().observe_request(object, allocation_intent::frame, at);
        detail::hot_state& hot = self().hot();
        if constexpr (detail::keeps_records<A>) {
            layout const whole = detail::block_record::around(request);
            bool hit = false;
            auto const on_hit = [&]() FRAMEALLOC_INLINED { hit = true, count(hot, request.bytes); };
            void* const raw = detail::bump(hot.window, whole.bytes, whole.align, on_hit, [&]() FRAMEALLOC_INLINED {
                detail::called_at<A> const here{at};
                return miss();
            });
            return told(dress(hot, hit, raw, object, at), object, object_offset, at);
        } else {
            return told(detail::bump(
                            hot.window, request.bytes, request.align,
                            [&]() FRAMEALLOC_INLINED { count(hot, request.bytes); }, miss),
                        object, object_offset, at);
        }
    }
    template <layout Request, layout Object = Request, std::size_t ObjectOffset = 0, class Miss>
    FRAMEALLOC_HOT void* serve([[maybe_unused]] detail::site_of<A> at, Miss&& miss) {
        if constexpr (detail::keeps_records<A> || detail::observes<A>) {
            return serve(Request, Object, at, miss, ObjectOffset);
        } else {
            detail::hot_state& hot = self().hot();
            return detail::bump<Request.bytes, Request.align>(
                hot.window, [&]() FRAMEALLOC_INLINED { count(hot, Request.bytes); }, miss);
        }
    }
    /// Tells who observes what has been served, if it has.
    FRAMEALLOC_HOT void* told(void* start, [[maybe_unused]] layout object, [[maybe_unused]] std::size_t object_offset,
                              [[maybe_unused]] detail::site_of<A> at) {
        if constexpr (detail::observes<A>) {
            void* const p = start != nullptr ? detail::behind(start, object_offset) : nullptr;
            self().shared().observe_allocation(p, object, allocation_intent::frame, at);
        }
        return start;
    }
    FRAMEALLOC_HOT void* dress(detail::hot_state& hot, bool hit, void* raw, layout object,
                               detail::call_site at) noexcept {
        if (raw == nullptr) [[unlikely]]
            return nullptr;
        detail::thread_state<A>& s = hit ? static_cast<detail::thread_state<A>&>(hot) : *self().state();
        if constexpr (decltype(s.frame)::checks_reuse) {
            std::uintptr_t const wrong = s.frame.find_late_write(raw, object);
            if (wrong != 0) [[unlikely]]
                self().shared().frame_written_late(s, wrong);
        }
        return s.frame.records().add(raw, object, at);
    }

    /// The calling thread's state, if `bytes` at `begin` are what its frame served last; otherwise null.
    [[nodiscard]] detail::thread_state<A>* state_that_served(std::uintptr_t begin, std::size_t bytes) noexcept {
        detail::hot_state& hot = self().hot();
        // An instance without a slot of its own has nothing in hot().
        auto* const s = &hot != &detail::closed_state ? static_cast<detail::thread_state<A>*>(&hot)
                                                      : self().shared().state_if_any();
        return s != nullptr && s->window.is_last(begin, bytes) ? s : nullptr;
    }

    [[nodiscard]] static bool shrink(detail::thread_state<A>& s, std::uintptr_t end) noexcept {
        if (!s.frame.shrink(s.window, end)) return false;
        if constexpr (charges_tags<typename A::budget>) s.frame.charges().shrunk(s.window, s.shared().gate().budget());
        return true;
    }

    /// Where a tag's credit does not suffice for what the chunk has room for, it is charged first.
    [[nodiscard]] static std::uintptr_t end_of_last(detail::thread_state<A>& s, std::uintptr_t begin,
                                                    std::size_t new_bytes) noexcept {
        std::uintptr_t const end = s.window.end_of_last(begin, new_bytes);
        if constexpr (charges_tags<typename A::budget>) {
            if (end == 0 && new_bytes <= max_request_bytes && s.get_frame_credit(begin + new_bytes - s.window.at())) {
                return s.window.end_of_last(begin, new_bytes);
            }
        }
        return end;
    }

    /// For an arena that grows in place: what `new_bytes` at `begin` want beyond the cursor is a request like any other, and
    /// is served right behind it. False, and nothing has changed, where it cannot be.
    [[nodiscard]] static bool get_what_is_missing([[maybe_unused]] detail::thread_state<A>& s,
                                                  [[maybe_unused]] std::uintptr_t begin,
                                                  [[maybe_unused]] std::size_t new_bytes) noexcept {
        if constexpr (detail::guards_blocks<A> || requires { requires A::arena::needs_virtual_memory; }) {
            if (new_bytes > max_request_bytes) return false;
            std::size_t const more = detail::round_up(new_bytes, granule) - (s.window.at() - begin);
            [[maybe_unused]] auto source = s.chunks();
            frame_position const before = s.frame.position(s.window);
            void* p = nullptr;
            if constexpr (charges_tags<typename A::budget>) {
                p = s.serve_more(layout{.bytes = more});
            } else {
                p = s.frame.allocate(s.window, {.bytes = more}, source);
            }
            if (p == nullptr || detail::address_of(p) == before.cursor) return p != nullptr;
            if constexpr (charges_tags<typename A::budget>) {
                static_cast<void>(shrink(s, detail::address_of(p)));  // what a listener has allocated meanwhile stays
            } else {
                s.frame.undo(s.window, before, s.frame.finalisers(), s.frame.marks(), s.frame.records().newest(),
                             source);  // an arena that has gaps
            }
            return false;
        } else {
            return false;
        }
    }

    /// Where the frame stood, for when a constructor throws.
    class undo_point {
    public:
        explicit undo_point(Self& s) : state_(s.state()) {
            if (state_ == nullptr) return;  // then the allocation will be refused
            position_ = state_->frame.position(state_->window);
            finalisers_ = state_->frame.finalisers();
            marks_ = state_->frame.marks();
            records_ = state_->frame.records().newest();
            // Tags have to be written down while there is something to undo, as for any mark.
            if constexpr (charges_tags<typename A::budget>)
                state_->frame.push_mark_at(mark_, position_, records_, false);
        }
        ~undo_point()
            requires(charges_tags<typename A::budget>)
        {
            if (state_ != nullptr) state_->frame.forget(&mark_, mark_.sequence);
        }
        ~undo_point() = default;
        undo_point(undo_point const&) = delete;
        undo_point& operator=(undo_point const&) = delete;
        void undo() const noexcept {
            auto source = state_->chunks();
            state_->frame.undo(state_->window, position_, finalisers_, marks_, records_, source);
        }

    private:
        detail::thread_state<A>* state_;
        frame_position position_{};
        detail::finaliser* finalisers_ = nullptr;
        detail::frame_mark* marks_ = nullptr;
        [[no_unique_address]] typename detail::frame_records<A>::place records_{};
        struct no_mark {};
        [[no_unique_address]] std::conditional_t<charges_tags<typename A::budget>, detail::frame_mark, no_mark> mark_{};
    };
    struct no_undo_point {
        explicit no_undo_point(Self&) noexcept {}
        void undo() const noexcept {}
    };

    template <class T, class Slow, class... Args>
    FRAMEALLOC_HOT T* make(detail::site_of<A> at, Slow&& slow, Args&&... args) {
        constexpr bool can_throw = !std::is_nothrow_constructible_v<T, Args...>;
        std::conditional_t<can_throw, undo_point, no_undo_point> const before{self()};
        if constexpr (std::is_trivially_destructible_v<T>) {
            constexpr layout request = layout::of<T>();
            void* const place = serve<request>(at, [&]() FRAMEALLOC_INLINED { return slow(request); });
            if (place == nullptr) [[unlikely]]
                return nullptr;
            return detail::construct<T>(
                place, [&]() FRAMEALLOC_INLINED { before.undo(); }, static_cast<Args&&>(args)...);
        } else {
            constexpr detail::finalised parts = detail::with_finaliser<A>({.bytes = sizeof(T), .align = alignof(T)});
            void* const start = serve<parts.request, parts.object, parts.object_offset>(
                at, [&]() FRAMEALLOC_INLINED { return slow(parts.request); });
            if (start == nullptr) [[unlikely]]
                return nullptr;
            void* const record = detail::behind(start, parts.record_offset);
            void* const place = detail::behind(start, parts.object_offset);
            T* const object =
                detail::construct<T>(place, [&]() FRAMEALLOC_INLINED { before.undo(); }, static_cast<Args&&>(args)...);
            add_finaliser<T>(record, object, 1);
            return object;
        }
    }

    template <class T, bool ValueInitialise, class Slow>
    std::span<T> make_array(std::size_t n, detail::site_of<A> at, Slow&& slow) {
        constexpr bool has_destructor = !std::is_trivially_destructible_v<T>;
        constexpr bool can_throw = !std::is_nothrow_default_constructible_v<T>;
        std::conditional_t<can_throw, undo_point, no_undo_point> const before{self()};
        layout const objects = layout::array_of<T>(n);
        detail::finalised const parts =
            has_destructor ? detail::with_finaliser<A>(objects) : detail::finalised{objects, objects, 0, 0};
        void* const start = serve(
            parts.request, parts.object, at, [&]() FRAMEALLOC_INLINED { return slow(parts.request); },
            parts.object_offset);
        if (start == nullptr) [[unlikely]]
            return {};
        void* const place = detail::behind(start, parts.object_offset);
        T* const first = detail::construct_n<T, ValueInitialise>(place, n, [&]() FRAMEALLOC_INLINED { before.undo(); });
        if constexpr (has_destructor) add_finaliser<T>(detail::behind(start, parts.record_offset), first, n);
        return {first, n};
    }

    template <class T>
    void add_finaliser(void* record, T* first, std::size_t n) noexcept {
        static_assert(std::is_nothrow_destructible_v<T>,
                      "framealloc: objects in a frame are destroyed at its end, where a destructor must not throw");
        // Not through hot(): an instance without a slot of its own has nothing there.
        self().state()->frame.add(detail::make_finaliser(record, first, n));
    }
};

}  // namespace framealloc
