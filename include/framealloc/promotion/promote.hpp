// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/promotion/detail/promotion_source.hpp>

// Objects that were made in a frame and turn out to be worth keeping: each is moved, as its type says, to a pool, to the heap
// or to a group, and what it was moved from is destroyed there and then, and not again by the frame.
//
//     auto* const best = alloc.frame_new<path>(from, to);
//     ...
//     pool_ptr<path> kept = promote_to_pool(alloc, best);     // an owner; `best` points to nothing any more
//
// The first argument is what the object was made with, or its like: an allocator, its handle, a `frame_scope`, `local()`. The
// second is what it answered: the address, a `frame_ptr`, which is null afterwards, a `frame_box`, which is empty afterwards,
// or the span of `frame_array`, for which there is a span again, to be given back by `pool_delete` or `heap_delete`.
//
//   Cost      That of an allocation and a move, and O(chunks of the frame). The frame keeps the memory until it ends.
//   Threads   On the frame's thread; what is promoted may go to any.
//   Failure   Plain forms throw `allocation_failure`, `try_` forms answer nothing; the object is the frame's as before. It is
//             so, too, where its move throws, which goes on in both; where it can be copied, it is copied then in the first
//             place, and nothing has changed. What is no object of the thread's frame, or a part of one, is refused: FA011,
//             which the `try_` forms report.
//   Lifetime  As that of anything else in the new home. What the object points to in the frame goes with the frame.
//   Source    D. Ungar, "Generation Scavenging", SIGPLAN Notices 19(5), 1984: most objects die young, and the few that do not
//             are moved. Here the program says which.

namespace framealloc::inline v0_1 {

namespace detail {

/// What cannot be promoted: thrown, or reported. A note's numbers are the address and the thread.
template <bool Throws, class A>
FRAMEALLOC_COLD void refuse_promotion(core<A>& owner, void const* object, char const* note,
                                      [[maybe_unused]] site_of<A> at) {
    [[maybe_unused]] called_at<A> const here{at};
    fault why = said(fault_code::not_promotable, note, address_of(object), core<A>::thread_number());
    if constexpr (Throws) throw_refusal(owner, why, layout{.bytes = 0});
    why.stops = A::diagnostics::stops_on_misuse;
    with_place(owner, why);
}

/// Moves objects of the frame home, and destroys what is left of them there.
template <bool Throws, bool Boxed = false, class A, class T, class Home>
[[nodiscard]] FRAMEALLOC_HOT T* promote(Home home, core<A>& owner, T* first, std::size_t n, site_of<A> at) {
    promotion_source<A, T, Boxed> source{owner, first, n};
    if (char const* const wrong = source.look()) [[unlikely]] {
        refuse_promotion<Throws>(owner, first, wrong, at);
        return nullptr;
    }
    promotion_failure told{};
    T* const kept = move_home<Throws>(source.state(), home, first, n, told);
    if (kept != nullptr) source.destroy();
    return kept;
}

// What can be promoted: how it is, and what it is a promotion of.

template <class Object>
struct promotable {
    using type = int;  // so that nothing else is wrong
    template <bool Throws, class A, class Home, class... Anything>
    static int* to(Home, core<A>&, Anything&&...) {
        static_assert(
            !std::is_same_v<Object, Object>,
            "framealloc: what is promoted is a pointer to an object in a frame, a frame_ptr, a frame_box, or a "
            "span of frame_array()");
        return nullptr;
    }
};
template <class T>
struct promotable<T*> {
    using type = T;
    template <bool Throws, class A, class Home>
    [[nodiscard]] FRAMEALLOC_HOT static T* to(Home home, core<A>& owner, T* object, site_of<A> at) {
        return promote<Throws>(home, owner, object, 1, at);
    }
};
template <class T>
struct promotable<std::span<T>> {
    using type = T;
    template <bool Throws, class A, class Home>
    [[nodiscard]] FRAMEALLOC_HOT static std::span<T> to(Home home, core<A>& owner, std::span<T> objects,
                                                        site_of<A> at) {
        if (objects.empty()) return {};
        T* const first = promote<Throws>(home, owner, objects.data(), objects.size(), at);
        return first != nullptr ? std::span<T>{first, objects.size()} : std::span<T>{};
    }
};
template <class T, class A>
struct promotable<frame_ptr<T, A>> {
    using type = T;
    template <bool Throws, class, class Home>
    [[nodiscard]] FRAMEALLOC_HOT static T* to(Home home, core<A>& owner, frame_ptr<T, A>& p, site_of<A> at) {
        if (!p.is_live()) [[unlikely]] {
            T* const gone = p.get();  // which reports it
            if constexpr (Throws)
                refuse_promotion<true>(owner, gone, "the object at 0x%llx has gone with its frame", at);
            return nullptr;
        }
        T* const kept = promote<Throws>(home, owner, p.unchecked(), 1, at);
        if (kept != nullptr) p = nullptr;
        return kept;
    }
};
template <class T>
struct promotable<frame_box<T>> {
    using type = T;
    /// No finaliser stands behind a box.
    template <bool Throws, class A, class Home>
    [[nodiscard]] FRAMEALLOC_HOT static T* to(Home home, core<A>& owner, frame_box<T>& box, site_of<A> at) {
        T* const kept = promote<Throws, true>(home, owner, box.get(), 1, at);
        if (kept != nullptr) static_cast<void>(box.release());
        return kept;
    }
};

/// What keeps a promoted object: `Owner`, or for a row of them the span.
template <class Owner, class A, class T>
[[nodiscard]] FRAMEALLOC_HOT Owner kept_by(T* object, core<A>& owner) noexcept {
    return Owner{object, owner};
}
template <class Owner, class A, class T>
[[nodiscard]] FRAMEALLOC_HOT std::span<T> kept_by(std::span<T> objects, core<A>&) noexcept {
    return objects;
}

template <class Object>
using promotable_of = promotable<std::remove_cvref_t<Object>>;

template <bool Throws, class From, class Object, class A = assembly_of<From>>
[[nodiscard]] FRAMEALLOC_HOT auto promote_to_pool(From& from, Object& object, site_of<A> at) {
    core<A>& owner = from.shared();
    using T = typename promotable_of<Object>::type;
    return kept_by<pool_ptr<T, A>>(
        promotable_of<Object>::template to<Throws, A>(pool_home<A>{&owner}, owner, object, at), owner);
}
template <bool Throws, class From, class Object, class A = assembly_of<From>>
[[nodiscard]] FRAMEALLOC_HOT auto promote_to_heap(From& from, Object& object, site_of<A> at) {
    core<A>& owner = from.shared();
    using T = typename promotable_of<Object>::type;
    return kept_by<heap_ptr<T, A>>(
        promotable_of<Object>::template to<Throws, A>(heap_home<A>{&owner}, owner, object, at), owner);
}
template <bool Throws, class From, class GroupRef, class Object, class A = assembly_of<From>>
[[nodiscard]] FRAMEALLOC_HOT auto promote_to_group(From& from, GroupRef const& level, Object& object, site_of<A> at) {
    core<A>& owner = from.shared();
    return promotable_of<Object>::template to<Throws, A>(group_home<GroupRef>{level}, owner, object, at);
}
/// What stands for a group: its reference.
template <class Group>
[[nodiscard]] FRAMEALLOC_HOT auto ref_of_group(Group const& level) noexcept {
    if constexpr (requires { level.ref(); }) {
        return level.ref();
    } else {
        return level;
    }
}

}  // namespace detail

/// To a pool of the instance: `pool_ptr<T>`, the object's owner, or a span.
template <detail::has_frames From, class Object>
[[nodiscard]] FRAMEALLOC_HOT auto promote_to_pool(From& from, Object&& object) {
    return detail::promote_to_pool<true>(from, object, detail::here<detail::assembly_of<From>>());
}
/// The same; empty where it is refused.
template <detail::has_frames From, class Object>
[[nodiscard]] FRAMEALLOC_HOT auto try_promote_to_pool(From& from, Object&& object) {
    return detail::promote_to_pool<false>(from, object, detail::here<detail::assembly_of<From>>());
}

/// To a heap block of the instance: `heap_ptr<T>`, the object's owner, or a span.
template <detail::has_frames From, class Object>
[[nodiscard]] FRAMEALLOC_HOT auto promote_to_heap(From& from, Object&& object) {
    return detail::promote_to_heap<true>(from, object, detail::here<detail::assembly_of<From>>());
}
/// The same; empty where it is refused.
template <detail::has_frames From, class Object>
[[nodiscard]] FRAMEALLOC_HOT auto try_promote_to_heap(From& from, Object&& object) {
    return detail::promote_to_heap<false>(from, object, detail::here<detail::assembly_of<From>>());
}

/// To a group, or what a `group_ref` knows, of this or another instance: `T*`, which the group destroys. Not for a row of
/// objects.
template <detail::has_frames From, class Group, class Object>
FRAMEALLOC_HOT auto promote_to_group(From& from, Group const& level, Object&& object) {
    return detail::promote_to_group<true>(from, detail::ref_of_group(level), object,
                                          detail::here<detail::assembly_of<From>>());
}
/// The same; null where it is refused.
template <detail::has_frames From, class Group, class Object>
[[nodiscard]] FRAMEALLOC_HOT auto try_promote_to_group(From& from, Group const& level, Object&& object) {
    return detail::promote_to_group<false>(from, detail::ref_of_group(level), object,
                                           detail::here<detail::assembly_of<From>>());
}

}  // namespace framealloc
