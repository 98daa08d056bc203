// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/group/detail/group_table.hpp>

#include <span>

namespace framealloc::inline v0_1 {

/// The verbs of a group: memory that is gone when the group is freed. Mixed into `group` and `group_ref`.
///
///   Cost      Load, add, compare, branch, store, and one addition to the count of objects; the worst case takes a heap
///             block. Objects with a destructor cost 32 bytes and a few stores more, and their destructor at the end. In a
///             shared group a call and one compare-exchange.
///   Threads   One at a time; any number at the same time where the group is shared.
///   Failure   `try_` forms answer null, or an empty span, and are noexcept for layouts; plain forms throw
///             `allocation_failure`, or report and call the failure handler where exceptions are off. A group that is freed,
///             empty or being freed refuses both (FA411). Nothing has changed afterwards, also when a constructor throws; in a
///             shared group that object's memory then stays unused until the group is freed.
///   Lifetime  Until the group is freed. Objects are destroyed then, newest first.
template <class Self, class A>
class group_verbs {
public:
    /// Raw memory. Zero bytes give a unique address.
    [[nodiscard]] FRAMEALLOC_HOT void* alloc(layout request) { return serve<true>(request, 1, detail::here<A>()); }
    [[nodiscard]] FRAMEALLOC_HOT void* try_alloc(layout request) noexcept {
        return serve<false>(request, 1, detail::here<A>());
    }

    /// Uninitialised storage for one `T`, which must be a type whose lifetime begins with its storage.
    template <class T>
    [[nodiscard]] FRAMEALLOC_HOT T* alloc() {
        static_assert(detail::implicit_lifetime<T>,
                      "framealloc: alloc<T>() gives raw storage; make objects of this type with make<T>(args...)");
        return static_cast<T*>(serve<true, layout::of<T>()>(detail::here<A>()));
    }
    template <class T>
    [[nodiscard]] FRAMEALLOC_HOT T* try_alloc() noexcept {
        static_assert(
            detail::implicit_lifetime<T>,
            "framealloc: try_alloc<T>() gives raw storage; make objects of this type with try_make<T>(args...)");
        return static_cast<T*>(serve<false, layout::of<T>()>(detail::here<A>()));
    }

    /// A new `T`, destroyed when the group is freed.
    template <class T, class... Args>
    FRAMEALLOC_HOT T* make(Args&&... args) {
        return make_one<true, T>(detail::here<A>(), static_cast<Args&&>(args)...);
    }
    template <class T, class... Args>
    FRAMEALLOC_HOT T* try_make(Args&&... args) {
        return make_one<false, T>(detail::here<A>(), static_cast<Args&&>(args)...);
    }

    /// `n` objects in a row, value-initialised. `n` may be zero; a product that overflows is refused (FA304).
    template <class T>
    [[nodiscard]] FRAMEALLOC_HOT std::span<T> make_array(std::size_t n) {
        return make_row<true, T, true>(n, detail::here<A>());
    }
    /// The same, default-initialised: what a trivial type leaves indeterminate stays so.
    template <class T>
    [[nodiscard]] FRAMEALLOC_HOT std::span<T> make_array_for_overwrite(std::size_t n) {
        return make_row<true, T, false>(n, detail::here<A>());
    }
    /// Answers an empty span without an address when it is refused; for `n == 0` the span is empty too.
    template <class T>
    [[nodiscard]] FRAMEALLOC_HOT std::span<T> try_make_array(std::size_t n) {
        return make_row<false, T, true>(n, detail::here<A>());
    }

    /// Takes raw memory of `bytes` back before the group does, if nothing has been allocated since. Otherwise, and in a shared
    /// group, false: then the memory is the group's, as always. O(1).
    bool try_give_back(void* p, std::size_t bytes) noexcept {
        detail::group_claim<A> const g = self().claim();
        return g.is_live() && g.state->try_give_back(detail::address_of(p), bytes);
    }

    /// What the group has; all zero where it is not alive. O(1), O(blocks) of a shared group. On its own thread: `list()` may
    /// be called by any.
    [[nodiscard]] group_stats stats() const noexcept {
        detail::group_claim<A> const g = self().claim();
        return g.is_live() ? g.state->figures() : group_stats{};
    }
    /// Good until the group is freed; empty where it has none, or is not alive.
    [[nodiscard]] std::string_view name() const noexcept {
        detail::group_claim<A> const g = self().claim();
        return g.is_live() ? g.state->name() : std::string_view{};
    }
    /// Whether `p` lies in the group's memory. O(blocks).
    [[nodiscard]] bool owns(void const* p) const noexcept {
        detail::group_claim<A> const g = self().claim();
        return g.is_live() && g.state->owns(p);
    }
    /// Whether it can be allocated from, as far as the calling thread can know.
    [[nodiscard]] bool is_live() const noexcept { return self().claim().is_live(); }
    [[nodiscard]] explicit operator bool() const noexcept { return is_live(); }

private:
    [[nodiscard]] FRAMEALLOC_HOT Self& self() noexcept { return static_cast<Self&>(*this); }
    [[nodiscard]] FRAMEALLOC_HOT Self const& self() const noexcept { return static_cast<Self const&>(*this); }

    template <bool Throws>
    FRAMEALLOC_HOT void* miss(layout request, std::size_t count, detail::site_of<A> at) noexcept(!Throws) {
        return detail::group_miss<A, Throws, decltype(self().known())>(self().known(), request, count, at);
    }
    template <bool Throws>
    FRAMEALLOC_HOT void* serve(layout request, std::size_t count, detail::site_of<A> at) noexcept(!Throws) {
        detail::group_window& g = self().hot();
        return detail::bump(
            g.window, request.bytes, request.align, [&]() FRAMEALLOC_INLINED { g.objects.add(count); },
            [&]() FRAMEALLOC_INLINED { return miss<Throws>(request, count, at); });
    }
    template <bool Throws, layout Request>
    FRAMEALLOC_HOT void* serve(detail::site_of<A> at) noexcept(!Throws) {
        detail::group_window& g = self().hot();
        return detail::bump<Request.bytes, Request.align>(
            g.window, [&]() FRAMEALLOC_INLINED { g.objects.add(1); },
            [&]() FRAMEALLOC_INLINED { return miss<Throws>(Request, 1, at); });
    }

    /// Where the group stood, for when a constructor throws.
    class undo_point {
    public:
        explicit undo_point(Self& s) noexcept : claim_(s.claim()) {
            if (claim_.is_live()) mark_ = claim_.state->mark();  // otherwise the request will be refused
        }
        void undo(std::size_t count, detail::site_of<A> at) const noexcept { claim_.state->undo(mark_, count, at); }

    private:
        detail::group_claim<A> claim_;
        detail::group_mark mark_{};
    };
    struct no_undo_point {
        explicit no_undo_point(Self&) noexcept {}
        void undo(std::size_t, detail::site_of<A>) const noexcept {}
    };

    /// Room for an object and, before it, for what is to destroy it.
    [[nodiscard]] static constexpr layout with_finaliser(layout object, std::size_t& offset) noexcept {
        if (object.align < granule) object.align = granule;
        return layout::of<detail::finaliser>().extend(object, offset);
    }
    template <class T>
    static constexpr std::size_t offset_of_object = [] {
        std::size_t offset = 0;
        static_cast<void>(with_finaliser(layout::of<T>(), offset));
        return offset;
    }();
    template <class T>
    static constexpr layout layout_with_finaliser = [] {
        std::size_t offset = 0;
        return with_finaliser(layout::of<T>(), offset);
    }();

    template <bool Throws, class T, class... Args>
    FRAMEALLOC_HOT T* make_one(detail::site_of<A> at, Args&&... args) {
        constexpr bool can_throw = !std::is_nothrow_constructible_v<T, Args...>;
        std::conditional_t<can_throw, undo_point, no_undo_point> const before{self()};
        auto const undo = [&]() FRAMEALLOC_INLINED { before.undo(1, at); };
        if constexpr (std::is_trivially_destructible_v<T>) {
            void* const place = serve<Throws, layout::of<T>()>(at);
            if (place == nullptr) [[unlikely]]
                return nullptr;
            return detail::construct<T>(place, undo, static_cast<Args&&>(args)...);
        } else {
            void* const record = serve<Throws, layout_with_finaliser<T>>(at);
            if (record == nullptr) [[unlikely]]
                return nullptr;
            T* const object =
                detail::construct<T>(detail::behind(record, offset_of_object<T>), undo, static_cast<Args&&>(args)...);
            add_finaliser(record, object, 1);
            return object;
        }
    }

    template <bool Throws, class T, bool ValueInitialise>
    std::span<T> make_row(std::size_t n, detail::site_of<A> at) {
        constexpr bool has_destructor = !std::is_trivially_destructible_v<T>;
        constexpr bool can_throw = !std::is_nothrow_default_constructible_v<T>;
        std::conditional_t<can_throw, undo_point, no_undo_point> const before{self()};
        layout request = layout::array_of<T>(n);
        std::size_t offset = 0;
        if constexpr (has_destructor) request = with_finaliser(request, offset);
        void* const start = serve<Throws>(request, n, at);
        if (start == nullptr) [[unlikely]]
            return {};
        T* const first = detail::construct_n<T, ValueInitialise>(detail::behind(start, offset), n,
                                                                 [&]() FRAMEALLOC_INLINED { before.undo(n, at); });
        if constexpr (has_destructor) add_finaliser(start, first, n);
        return {first, n};
    }

    template <class T>
    FRAMEALLOC_HOT void add_finaliser(void* record, T* first, std::size_t n) noexcept {
        static_assert(
            std::is_nothrow_destructible_v<T>,
            "framealloc: objects in a group are destroyed when it is freed, where a destructor must not throw");
        self().claim().state->add(detail::make_finaliser(record, first, n));
    }
};

}  // namespace framealloc
